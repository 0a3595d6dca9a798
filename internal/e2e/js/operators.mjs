// The reference's tests "messaging many", "utility methods" and "timeout", by clients.

import { assert, call, check, checkBinary, collect, connected, never, once, sleep, url } from "./harness.mjs";

const join = () => connected("/operators", { query: { from: "e2e" } });

/** Three clients: a in the room, b in it and in `${room}-2`, c in neither. */
async function three() {
  const [a, b, c] = await Promise.all([join(), join(), join()]);
  const room = `r-${a.id}`;
  await Promise.all([call(a, "join", [room]), call(b, "join", [room, `${room}-2`])]);
  return { a, b, c, room };
}

const ids = (...sockets) => sockets.map((s) => s.id).sort();

check("fetchSockets finds the sockets of rooms", async () => {
  const { a, b, c, room } = await three();
  assert.deepEqual(await call(c, "fetch", { in: [room] }), [ids(a, b)]);
  assert.deepEqual(await call(c, "fetch", { in: [room, c.id] }), [ids(a, b, c)]);
  assert.deepEqual(await call(c, "fetch", { in: [room], except: [`${room}-2`] }), [ids(a)]);
  assert.deepEqual(await call(c, "fetch", { in: ["nobody"] }), [[]]);
});

check("fetchSockets describes a socket", async () => {
  const { b, c, room } = await three();
  await call(b, "data", { user: "é", level: 3 });
  assert.deepEqual(await call(c, "describe", b.id), [{
    id: b.id, rooms: [room, `${room}-2`], data: { user: "é", level: 3 }, address: "127.0.0.1", from: "e2e", xdomain: false, secure: url.startsWith("https:"), path: "/socket.io/",
  }]);
  const told = once(b, "told");
  c.emit("tell", b.id, 1, "two");
  assert.deepEqual(await told, [1, "two"]);
});

check("socketsJoin and socketsLeave", async () => {
  const { a, b, c, room } = await three();
  await call(c, "sockets-join", { in: [room] }, ["x", "y"]);
  assert.deepEqual(await call(a, "rooms"), [[room, "x", "y"].sort()]);
  assert.deepEqual(await call(c, "rooms"), [[]]);
  await call(c, "sockets-leave", { in: ["x"], except: [`${room}-2`] }, ["x", "never joined"]);
  assert.deepEqual(await call(a, "rooms"), [[room, "y"].sort()]);
  assert.deepEqual(await call(b, "rooms"), [[room, `${room}-2`, "x", "y"].sort()]);
  await call(c, "sockets-join", {}, ["everybody"]);
  assert.deepEqual(await call(c, "rooms"), [["everybody"]]);
});

check("disconnectSockets, with the connection or without", async () => {
  const { a, b, c, room } = await three();
  const gone = Promise.all([once(a, "disconnect"), once(b, "disconnect")]);
  c.emit("sockets-disconnect", { in: [room] }, false);
  for (const [reason] of await gone) assert.equal(reason, "io server disconnect");
  const closed = Promise.all([once(c, "disconnect"), once(c.io, "close")]);
  c.emit("sockets-disconnect", { in: [c.id] }, true);
  await closed;
});

check("to several rooms, except one", async () => {
  const { a, b, c, room } = await three();
  const got = Promise.all([collect(a, "sent", 2), collect(b, "sent", 1), collect(c, "sent", 1)]);
  c.emit("send", { in: [room, `${room}-2`, c.id] }, 1);
  c.emit("send", { in: [room], except: [`${room}-2`] }, 2);
  assert.deepEqual(await got, [[1, 2], [1], [1]]);
});

check("an operator is immutable", async () => {
  const { a, b, c, room } = await three();
  await Promise.all([call(a, "join", [`${room}-1`]), call(b, "join", [`${room}-2`])]);
  const got = Promise.all([collect(a, "sent", 3), collect(b, "sent", 1), never(c, "sent")]);
  c.emit("immutable", room);
  const [ofA, ofB] = await got;
  assert.deepEqual([ofA, ofB], [["c", "b", "a"], ["b"]]);
});

check("a broadcast with acknowledgements", async () => {
  const { a, b, c, room } = await three();
  a.on("asked", (x, ack) => ack(x + 1, "a second argument"));
  b.on("asked", async (x, ack) => { await sleep(30); ack(x + 2); });
  assert.deepEqual(await call(c, "ask", { in: [room] }, 10_000, 40), [null, [41, 42]]);
});

checkBinary("a broadcast with acknowledgements in binary", async () => {
  const { a, b, c, room } = await three();
  for (const s of [a, b]) s.on("asked", (x, ack) => ack(Buffer.from([...x, 9])));
  const [err, answers] = await call(c, "ask", { in: [room] }, 10_000, Buffer.from([1]));
  assert.deepEqual([err, answers.map((x) => [...x])], [null, [[1, 9], [1, 9]]]);
});

check("a broadcast that one client does not acknowledge", async () => {
  const { a, b, c, room } = await three();
  a.on("asked", (ack) => ack("there"));
  b.on("asked", () => {});
  assert.deepEqual(await call(c, "ask", { in: [room] }, 300), ["operation has timed out", ["there"]]);
});

check("an acknowledgement of nobody", async () => {
  const { c } = await three();
  assert.deepEqual(await call(c, "ask", { in: ["nobody"] }, 10_000), [null, []]);
});
