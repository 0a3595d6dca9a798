// What only socket.io-msgpack-parser has.

import { assert, call, check, client, collect, connected, once } from "./harness.mjs";

check("dates stay dates, at any depth", async () => {
  const socket = await connected();
  const [a, { b: [c] }] = await call(socket, "ack", new Date(0), { b: [new Date(1_700_000_000_123)] });
  assert.ok(a instanceof Date && c instanceof Date);
  assert.deepEqual([a.getTime(), c.getTime()], [0, 1_700_000_000_123]);
});

check("what JSON has no numbers for", async () => {
  const socket = await connected();
  assert.deepEqual(await call(socket, "ack", NaN, Infinity, -Infinity), [NaN, Infinity, -Infinity]);
});

check("more binary values than attachments are allowed", async () => {
  const socket = await connected();
  const sent = Array.from({ length: 50 }, (_, i) => Buffer.from([i]));
  assert.deepEqual(await call(socket, "ack", ...sent), sent);
});

check("undefined in an object", async () => {
  const socket = await connected();
  const [{ gone, here }] = await call(socket, "ack", { gone: undefined, here: 1 });
  assert.deepEqual([gone, here], [undefined, 1]);
});

check("auth with a date and bytes", async () => {
  const socket = client("/custom", { auth: { when: new Date(0), token: Buffer.from("t"), n: 1 } });
  const [auth] = await once(socket, "auth");
  assert.equal(auth.n, 1);
});

check("connect_error with data", async () => {
  const socket = client("/admin", { auth: { token: "wrong" } });
  const [error] = await once(socket, "connect_error");
  assert.equal(error.message, "not authorized");
  assert.deepEqual(error.data, { code: 401, retry: false });
});

check("a broadcast reaches clients of all transports the same", async () => {
  const name = `m${Math.random()}`;
  const all = await Promise.all(Array.from({ length: 5 }, () => connected()));
  for (const socket of all) await call(socket, "join", [name]);
  const got = Promise.all(all.map((socket) => collect(socket, "room", 1)));
  all[0].emit("room", name, { blob: Buffer.from("b"), list: [1, null, "é"] });
  for (const [{ blob, list }] of await got) assert.deepEqual([blob.toString(), list], ["b", [1, null, "é"]]);
});

check("a client without the parser is closed, and harms nobody", async () => {
  const socket = await connected();
  const plain = client("/", { parser: await import("socket.io-parser") });
  await new Promise((resolve) => plain.io.on("close", resolve));
  assert.deepEqual(await call(socket, "ack", "alive"), ["alive"]);
});
