import { assert, call, check, connected, mode, once, sleep, until, version } from "./harness.mjs";

/** What the server noted about the end of the socket with this id, once it has noted two lines. */
async function noted(observer, id) {
  return until(async () => {
    const [reasons] = await call(observer, "reasons", id);
    return reasons?.length >= 2 && reasons;
  });
}

async function two() {
  const [observer, socket] = await Promise.all([connected(), connected()]);
  await call(socket, "join", ["x", "y"]);
  return { observer, socket, id: socket.id };
}

check("the client leaves the namespace", async () => {
  const { observer, socket, id } = await two();
  const ended = once(socket, "disconnect");
  socket.disconnect();
  assert.equal((await ended)[0], "io client disconnect");
  assert.deepEqual(await noted(observer, id), ["disconnecting: client namespace disconnect (2 rooms)", "disconnect: client namespace disconnect"]);
});

check("the client closes the transport", async () => {
  const { observer, socket, id } = await two();
  socket.io.engine.close();
  assert.deepEqual(await noted(observer, id), ["disconnecting: transport close (2 rooms)", "disconnect: transport close"]);
});

check("the server ends the socket", async () => {
  const { observer, socket, id } = await two();
  const ended = once(socket, "disconnect");
  socket.emit("bye", false);
  assert.equal((await ended)[0], "io server disconnect");
  assert.deepEqual(await noted(observer, id), ["disconnecting: server namespace disconnect (2 rooms)", "disconnect: server namespace disconnect"]);
});

check("the server ends the connection", async () => {
  const { observer, socket, id } = await two();
  const ended = once(socket, "disconnect");
  socket.emit("bye", true);
  assert.equal((await ended)[0], "io server disconnect");
  assert.deepEqual(await noted(observer, id), ["disconnecting: server namespace disconnect (2 rooms)", "disconnect: server namespace disconnect"]);
});

check("after the server's goodbye the client can come back", async () => {
  const { socket, id } = await two();
  const ended = once(socket, "disconnect");
  socket.emit("bye", false);
  await ended;
  socket.connect();
  await once(socket, "connect");
  assert.notEqual(socket.id, id);
  assert.deepEqual(await call(socket, "rooms"), [[], true]);
}, { since: 4.8 }); // in others the close of the old connection may end the new one

if (mode !== "polling") {
  check("the wire is cut", async () => {
    const { observer, socket, id } = await two();
    socket.io.engine.transport.ws.terminate();
    assert.deepEqual(await noted(observer, id), ["disconnecting: transport close (2 rooms)", "disconnect: transport close"]);
  });
}

check("the client falls silent: ping timeout on the server", async () => {
  const { observer, socket, id } = await two();
  const engine = socket.io.engine;
  if (version < 3) { // who pings, and gives up, by itself
    engine.off("heartbeat");
    clearTimeout(engine.pingIntervalTimer);
    clearTimeout(engine.pingTimeoutTimer);
  }
  const send = engine.transport.send;
  engine.transport.send = (packets) => {
    const rest = packets.filter((p) => p.type !== "pong");
    if (rest.length) send.call(engine.transport, rest);
    else setImmediate(() => engine.transport.emitReserved?.("drain"));
  };
  assert.deepEqual(await noted(observer, id), ["disconnecting: ping timeout (2 rooms)", "disconnect: ping timeout"]);
}, { since: 2 });

check("heartbeats keep an idle connection", async () => {
  const socket = await connected();
  let pings = 0;
  socket.io.engine.on("packet", ({ type }) => { if (type === "ping" || type === "pong") pings++; });
  await sleep(4_500);
  assert.ok(pings >= 3 && pings <= 5, `${pings} pings in 4.5 s at one a second`);
  assert.equal(socket.connected, true);
  assert.deepEqual(await call(socket, "ack", 1), [1]);
});
