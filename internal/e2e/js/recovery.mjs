// Connection state recovery: the server is started with RECOVERY=1.

import { assert, call, check, checkBinary, client, collect, connect, connected, fact, mode, once, until } from "./harness.mjs";

/** A client in a room of its own, and one that stays. */
async function two() {
  const socket = client("/", { auth: { token: "x" } });
  const hello = once(socket, "hello"); // the first event, which gives the client an offset
  await connect(socket);
  await hello;
  const room = `r-${socket.id}`;
  await call(socket, "join", [room]);
  return { socket, room, other: await connected() };
}

/** Loses the connection, lets `meanwhile` happen, and has the client return. */
async function lose(socket, other, meanwhile = () => {}) {
  const id = socket.id;
  socket.io.engine.close();
  await until(async () => (await call(other, "reasons", id))[0]?.length === 2);
  await meanwhile();
  const back = once(socket, "connect");
  socket.connect();
  await back;
}

check("the session and the missed events come back, in order", async () => {
  const { socket, room, other } = await two();
  assert.equal(socket.recovered, false);
  const id = socket.id;
  const got = collect(socket, "room", 6);
  await lose(socket, other, async () => {
    other.emit("room", room, 1, "in the room");
    other.emit("all", 2);
    other.emit("room", `${room}-2`, "of another room");
    other.emit("rooms-to", [room, `${room}-2`], { n: 3 });
    other.emit("tell", id, 4);
    other.emit("except", room, "left out");
    other.emit("broadcast", 5);
    await call(other, "ack");
  });
  assert.equal(socket.recovered, true);
  assert.equal(socket.id, id);
  other.emit("room", room, 6);
  const offsets = (await got).map((args) => (assert.equal(typeof args.at(-1), "string"), args.slice(0, -1)));
  assert.deepEqual(offsets, [[1, "in the room"], [2], [{ n: 3 }], [4], [5], [6]]);
});

checkBinary("binary events come back", async () => {
  const { socket, room, other } = await two();
  const got = once(socket, "room");
  await lose(socket, other, async () => {
    other.emit("room", room, Buffer.from([1, 2]), { deep: Buffer.from([3]) });
    await call(other, "ack");
  });
  const [blob, { deep }] = await got;
  assert.deepEqual([[...blob], [...deep]], [[1, 2], [3]]);
});

check("rooms and data come back", async () => {
  const { socket, room, other } = await two();
  await call(socket, "join", ["a", "b"]);
  await call(socket, "leave", "a");
  await call(socket, "keep", { user: "é" });
  await lose(socket, other);
  assert.equal(socket.recovered, true);
  assert.deepEqual(await call(socket, "rooms"), [["b", room].sort(), true]);
  assert.deepEqual(await call(socket, "kept"), [{ user: "é" }, true]);
});

check("again and again", async () => {
  const { socket, room, other } = await two();
  const id = socket.id;
  for (let i = 0; i < 3; i++) {
    const got = once(socket, "room");
    await lose(socket, other, async () => { other.emit("room", room, i); await call(other, "ack"); });
    assert.deepEqual([(await got)[0], socket.recovered, socket.id], [i, true, id]);
    await call(socket, "forget-reasons");
  }
});

check("middlewares are skipped", async () => {
  const { socket, other } = await two();
  const [before] = await call(other, "middlewares");
  await lose(socket, other);
  assert.equal(socket.recovered, true);
  assert.deepEqual(await call(other, "middlewares"), [before]);
});

check("an unknown session", async () => {
  const { socket, other } = await two();
  const id = socket.id;
  socket._pid = "unknown";
  await lose(socket, other);
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
});

check("an unknown offset", async () => {
  const { socket, other } = await two();
  socket._lastOffset = "unknown";
  await lose(socket, other);
  assert.equal(socket.recovered, false);
});

check("who left on purpose is not recovered", async () => {
  const { socket } = await two();
  const id = socket.id;
  const back = once(socket, "connect");
  socket.disconnect().connect();
  await back;
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
});

check("what the wire carries", async () => {
  const { socket, room, other } = await two();
  const { id, _pid: pid } = socket;
  const seen = [];
  const offset = /"([^"]+)"\]$/;
  socket.io.once("open", () => socket.io.engine.on("packet", ({ type, data }) => {
    if (type === "message") seen.push(data.replaceAll(id, "<sid>").replaceAll(pid, "<pid>").replace(offset, '"<offset>"]'));
  }));
  await lose(socket, other, async () => {
    other.emit("room", room, 1);
    other.emit("all", "two", null);
    await call(other, "ack");
  });
  const last = once(socket, "room");
  other.emit("room", room, "mark");
  await until(() => seen.some((m) => m.includes("mark")));
  await last;
  assert.equal(pid.length, 20);
  fact(`recovery by ${mode}`, seen.filter((m) => !m.includes('"hello"')));
});
