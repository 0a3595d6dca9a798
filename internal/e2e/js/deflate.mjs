// permessage-deflate with the client that the official ones use in Node, ws 8: every way to negotiate it
// against the Engine.IO echo, then events of Socket.IO.

import { randomBytes } from "node:crypto";
import WebSocket from "ws";
import { assert, call, check, connected, mode, once } from "./harness.mjs";

const engine = process.env.ENGINE.replace("http", "ws") + "/engine.io/?EIO=4&transport=websocket";

/** What the server was configured to answer, as far as it does not depend on the client. */
const takeover = process.env.TAKEOVER === "true";
const limited = Number(process.env.WINDOW ?? 0); // bits, both sides

const row = (i) => `{"symbol":"S${i % 97}","price":${(i * 7919) % 10007},"side":"${i % 2 ? "buy" : "sell"}"}`;
const table = (n) => Array.from({ length: n }, (_, i) => row(i)).join(",");
const noise = randomBytes(700).toString("latin1");

/** Messages of all kinds: short, alike, large, noise, and with what repeats only far back. */
const messages = [
  "", "short", table(40), table(40), table(41), "é".repeat(3000), table(5000), noise, Buffer.from(noise.repeat(60), "latin1"), noise.repeat(60),
  randomBytes(5000), Buffer.alloc(0), Buffer.alloc(4000), table(40), "last",
];

/** Sends all messages, wants each back, and resolves with what was agreed on. */
function echo(perMessageDeflate) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(engine, { perMessageDeflate });
    let next = 0;
    let agreed = "";
    ws.on("upgrade", (response) => { agreed = response.headers["sec-websocket-extensions"] ?? ""; });
    ws.on("error", reject);
    ws.on("close", (code) => reject(new Error(`closed with ${code} before message ${next}`)));
    ws.on("message", (data, binary) => {
      const text = data.toString();
      if (!binary && text === "2") return ws.send("3");
      if (!binary && text[0] === "0") {
        for (const m of messages) ws.send(typeof m === "string" ? "4" + m : m);
        return;
      }
      const want = messages[next++];
      const same = typeof want === "string" ? !binary && text === "4" + want : binary && data.equals(want);
      if (!same) return reject(new Error(`message ${next - 1} came back as ${data.length} bytes`));
      if (next === messages.length) {
        ws.removeAllListeners("close");
        ws.close();
        resolve(agreed);
      }
    });
  });
}

const choice = [undefined, true];
for (const serverNoContextTakeover of choice) {
  for (const clientNoContextTakeover of choice) {
    check(`takeover: server ${serverNoContextTakeover ?? "free"}, client ${clientNoContextTakeover ?? "free"}`, async () => {
      const got = await echo({ threshold: 0, serverNoContextTakeover, clientNoContextTakeover });
      assert.match(got, /^permessage-deflate/);
      assert.equal(got.includes("server_no_context_takeover"), !takeover || serverNoContextTakeover === true, got);
      assert.equal(got.includes("client_no_context_takeover"), !takeover || clientNoContextTakeover === true, got);
    });
  }
}

for (const bits of [8, 9, 10, 11, 12, 13, 14, 15]) {
  check(`a window of ${bits} bits for the server`, async () => {
    const got = await echo({ threshold: 0, serverMaxWindowBits: bits });
    assert.ok(got.includes(`server_max_window_bits=${limited ? Math.min(limited, bits) : bits}`), got);
  });
  check(`a window of ${bits} bits for the client`, async () => {
    const got = await echo({ threshold: 0, clientMaxWindowBits: bits });
    assert.ok(got.includes(`client_max_window_bits=${limited ? Math.min(limited, bits) : bits}`), got);
  });
  check(`a window of ${bits} bits for both, no context`, async () => {
    await echo({ threshold: 0, clientMaxWindowBits: bits, serverMaxWindowBits: bits, serverNoContextTakeover: true, clientNoContextTakeover: true });
  });
}

check("a client whose window can't be limited", async () => {
  const got = await echo({ threshold: 0, clientMaxWindowBits: false });
  assert.equal(got !== "", limited === 0, got);
});

check("a client that offers nothing", async () => {
  assert.equal(await echo(false), "");
});

/** Bytes that arrive while fn runs. */
async function received(socket, fn) {
  const tcp = socket.io.engine.transport.ws._socket;
  const before = tcp.bytesRead;
  await fn();
  return tcp.bytesRead - before;
}

check("events are compressed from the threshold on, both ways", async () => {
  const socket = await connected("/", { perMessageDeflate: { threshold: 1024 } });
  assert.match(socket.io.engine.transport.ws.extensions, /permessage-deflate/);
  for (const [text, most] of [["x".repeat(900), Infinity], [table(1000), 30_000], ["x".repeat(100_000), 2000]]) {
    const bytes = await received(socket, async () => {
      const back = once(socket, "echo");
      socket.emit("echo", text);
      assert.deepEqual(await back, [text]);
    });
    assert.ok(bytes < most, `${text.length} characters took ${bytes} bytes`);
    if (most === Infinity && !takeover && !limited) assert.ok(bytes > text.length, `${bytes} bytes of ${text.length} characters`);
  }
});

check("a broadcast reaches those with and without, and those who poll", async () => {
  const all = [];
  for (const options of [{ perMessageDeflate: { threshold: 1024 } }, { perMessageDeflate: false }, { transports: ["polling"] }]) {
    all.push(await connected("/", options));
  }
  const text = table(300);
  const got = all.map((socket) => once(socket, "room"));
  all[0].emit("all", text, Buffer.alloc(2000, 5));
  for (const [t, b] of await Promise.all(got)) {
    assert.equal(t, text);
    assert.ok(Buffer.alloc(2000, 5).equals(b));
  }
});

check("acknowledgements with binary", async () => {
  const socket = await connected("/", { perMessageDeflate: { threshold: 10 } });
  const [text, blob] = await call(socket, "ack", table(200), Buffer.alloc(10_000, 9));
  assert.equal(text, table(200));
  assert.ok(Buffer.alloc(10_000, 9).equals(blob));
});

assert.equal(mode, "websocket");
