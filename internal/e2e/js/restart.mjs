import { ask, assert, call, check, collect, connected, once, upgraded, version } from "./harness.mjs";

check("the server restarts on the same port: the client comes back by itself", async () => {
  const socket = await connected("/", { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 250 });
  const id = socket.id;
  const ended = once(socket, "disconnect");
  await ask("stop");
  const [reason] = await ended;
  assert.ok(["transport close", "transport error"].includes(reason), reason);
  const back = collect(socket, "echo", 2);
  socket.emit("echo", "buffered");
  socket.emit("echo", Buffer.from("buffered too"));
  if (version >= 3) socket.volatile.emit("echo", "dropped");
  const again = once(socket, "connect");
  await ask("start");
  await again;
  await upgraded(socket);
  assert.notEqual(socket.id, id);
  const [text, blob] = await back;
  assert.equal(text, "buffered");
  assert.equal(blob.toString(), "buffered too");
  assert.deepEqual(await call(socket, "ack", "alive"), ["alive"]);
}, { within: 40_000 });

check("and a second time, with two namespaces", async () => {
  const main = await connected("/", { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 250 });
  const custom = main.io.socket("/custom");
  await once(custom, "connect");
  const ended = Promise.all([once(main, "disconnect"), once(custom, "disconnect")]);
  await ask("stop");
  await ended;
  const again = Promise.all([once(main, "connect"), once(custom, "connect")]);
  await ask("start");
  await again;
  custom.emit("echo", 1);
  assert.deepEqual(await once(custom, "echo"), [1]);
  assert.deepEqual(await call(main, "ack", 2), [2]);
}, { within: 40_000 });
