import { assert, call, check, checkBinary, collect, connected, never, once } from "./harness.mjs";

check("join, leave, and the list of rooms", async () => {
  const socket = await connected();
  assert.deepEqual(await call(socket, "rooms"), [[], true]);
  await call(socket, "join", ["b", "a", "a"]);
  assert.deepEqual(await call(socket, "rooms"), [["a", "b"], true]);
  await call(socket, "leave", "b");
  await call(socket, "leave", "never joined");
  assert.deepEqual(await call(socket, "rooms"), [["a"], true]);
});

/** Three clients: two in the room "r-…", the third in another. */
async function three() {
  const [a, b, c] = await Promise.all([connected(), connected(), connected()]);
  const room = `r-${a.id}`;
  await Promise.all([call(a, "join", [room]), call(b, "join", [room, `${room}-2`]), call(c, "join", [`${room}-3`])]);
  return { a, b, c, room };
}

check("to a room reaches its members, the sender too, nobody else", async () => {
  const { a, b, c, room } = await three();
  const got = Promise.all([once(a, "room"), once(b, "room"), never(c, "room")]);
  c.emit("room", room, "x", { y: 1 });
  await got;
  const again = Promise.all([once(a, "room"), once(b, "room")]);
  a.emit("room", room, 2);
  assert.deepEqual(await again, [[2], [2]]);
});

check("to several rooms reaches each member once", async () => {
  const { a, b, c, room } = await three();
  const got = Promise.all([collect(a, "room", 2), collect(b, "room", 2), collect(c, "room", 1)]);
  a.emit("rooms-to", [room, `${room}-2`], 1);
  a.emit("rooms-to", [room, `${room}-2`, `${room}-3`], 2);
  assert.deepEqual(await got, [[1, 2], [1, 2], [2]]);
});

check("socket.to leaves the sender out", async () => {
  const { a, b, c, room } = await three();
  const got = Promise.all([never(a, "room"), once(b, "room"), never(c, "room")]);
  a.emit("others", room, 1);
  await got;
});

check("except leaves a room out", async () => {
  const { a, b, c, room } = await three();
  const got = Promise.all([once(a, "room"), never(b, "room"), once(c, "room")]);
  a.emit("except", `${room}-2`, 1);
  await got;
});

check("to everyone, and to everyone else", async () => {
  const { a, b, c } = await three();
  const all = Promise.all([once(a, "room"), once(b, "room"), once(c, "room")]);
  a.emit("all", 1);
  await all;
  const others = Promise.all([never(a, "room"), once(b, "room"), once(c, "room")]);
  a.emit("broadcast", 2);
  await others;
});

check("the room of a socket's own id", async () => {
  const { a, b, c } = await three();
  const got = Promise.all([never(a, "room"), once(b, "room"), never(c, "room")]);
  a.emit("tell", b.id, "psst");
  assert.deepEqual((await got)[1], ["psst"]);
});

check("an empty room, and a room that does not exist", async () => {
  const { a, room } = await three();
  a.emit("room", `${room}-nobody`, 1);
  a.emit("leave", room, () => {});
  const silent = never(a, "room");
  a.emit("room", room, 1);
  await silent;
});

check("who left the server is in no room", async () => {
  const { a, b, room } = await three();
  b.disconnect();
  const got = collect(a, "room", 2);
  a.emit("room", room, 1);
  a.emit("room", `${room}-2`, "nobody");
  a.emit("room", room, 2);
  assert.deepEqual(await got, [1, 2]);
});

check("the order of broadcasts and direct emits of one sender", async () => {
  const { a, room } = await three();
  const got = [];
  a.on("room", (i) => got.push(i));
  a.on("echo", (i) => got.push(i));
  for (let i = 0; i < 200; i += 2) {
    a.emit("room", room, i);
    a.emit("echo", i + 1);
  }
  await call(a, "ack");
  assert.deepEqual(got, Array.from({ length: 200 }, (_, i) => i));
});

checkBinary("binary to a room", async () => {
  const { a, b, room } = await three();
  const got = Promise.all([once(a, "room"), once(b, "room")]);
  a.emit("room", room, { blob: Buffer.from([1, 2, 3]) });
  for (const [{ blob }] of await got) assert.deepEqual([...blob], [1, 2, 3]);
});
