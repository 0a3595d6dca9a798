import { assert, call, check, client, collect, connected, once, upgraded } from "./harness.mjs";

const range = (n) => Array.from({ length: n }, (_, i) => i);

check("ends on websocket, on both sides", async () => {
  const socket = await connected();
  assert.equal(socket.io.engine.transport.name, "websocket");
  assert.deepEqual(await call(socket, "transport"), ["websocket"]);
});

check("the server's messages during the upgrade: all, once, in order", async () => {
  for (let round = 0; round < 5; round++) {
    const socket = client("/", { query: { burst: 500 } });
    const first = collect(socket, "seq", 500);
    await once(socket, "connect");
    assert.deepEqual(await first, range(500));
    await upgraded(socket);
    socket.disconnect();
  }
});

check("the client's messages during the upgrade: all, once, in order", async () => {
  for (let round = 0; round < 5; round++) {
    const socket = client();
    const back = collect(socket, "echo", 400);
    await once(socket, "connect");
    let i = 0;
    let done = false;
    upgraded(socket).then(() => { done = true; });
    while (i < 400) {
      for (let k = 0; k < 10 && i < 400; k++) socket.emit("echo", i++);
      await new Promise((r) => setTimeout(r, done ? 0 : 1));
    }
    assert.deepEqual(await back, range(400));
    socket.disconnect();
  }
});

check("both ways and binary at once while ten clients upgrade", async () => {
  const all = range(10).map(async () => {
    const socket = client("/", { query: { burst: 200 } });
    const seq = collect(socket, "seq", 200);
    const echo = collect(socket, "echo", 200);
    await once(socket, "connect");
    for (let i = 0; i < 200; i++) {
      socket.emit("echo", i % 5 ? i : Buffer.from(String(i)));
      if (i % 20 === 0) await new Promise((r) => setTimeout(r, 2));
    }
    assert.deepEqual(await seq, range(200));
    assert.deepEqual((await echo).map((x) => Number(x.toString())), range(200));
    await upgraded(socket);
  });
  await Promise.all(all);
}, { within: 40_000 });

check("acknowledgements that are in flight across the upgrade", async () => {
  const socket = client();
  await once(socket, "connect");
  const replies = await Promise.all(range(200).map((i) => call(socket, "ack", i)));
  assert.deepEqual(replies, range(200).map((i) => [i]));
  await upgraded(socket);
});

check("a client that leaves in the middle of its upgrade", async () => {
  for (let delay = 0; delay < 12; delay += 2) {
    const socket = client();
    await once(socket, "connect");
    await new Promise((r) => setTimeout(r, delay));
    socket.disconnect();
  }
  const socket = await connected();
  assert.deepEqual(await call(socket, "ack", "alive"), ["alive"]);
});
