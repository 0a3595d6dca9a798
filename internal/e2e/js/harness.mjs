// A small runner: each check is one line of JSON on the output, so that the Go side can make a subtest
// of it. What a script needs done to the server it asks for on the output as well, and reads the answer
// from its input.

import { createInterface } from "node:readline";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parser } from "./parsers.mjs";

export { assert };

/** The client under test: a package of ours, an older one by its alias in package.json. */
const name = process.env.CLIENT ?? "socket.io-client";
const { io = (await import(name)).default } = await import(name);
/** Its version, as far as checks depend on it. */
export const version = Number(name.split("-")[2] ?? 4.8);
export const parsed = process.env.PARSER ?? ""; // see parsers.mjs

export const url = process.env.URL;
/** What a server over TLS is trusted by; undefined without. */
export const ca = process.env.CA && readFileSync(process.env.CA);
export const mode = process.env.MODE; // polling, websocket or upgrade
export const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] }[mode];

const checks = [];
let open = []; // what the current check opened, closed after it

/** Registers a check; it fails when fn throws, or has not ended after `within` ms. Clients before `since` are left out. */
export function check(name, fn, { within = 20_000, since = 0 } = {}) {
  if (version >= since) checks.push({ name, fn, within });
}

/** Registers a check of binary data, where the parser knows any. */
export const checkBinary = parsed === "json" ? () => {} : check;

/** Reports what the server did, for comparison between servers: see TestParity. */
export function fact(name, value) {
  console.log(JSON.stringify({ fact: name, value }));
}

/** Opens a client for the namespace; it is closed when the check ends. */
export function client(namespace = "/", options = {}) {
  const socket = io(url + namespace, { transports, forceNew: true, reconnection: false, ca, ...(parser && { parser }), ...options });
  open.push(() => (options.forceNew === false ? socket.disconnect() : (socket.io._close ?? socket.io.close).call(socket.io)));
  return socket;
}

/** Opens a client and waits until it is connected, and has upgraded where that is the mode. */
export async function connected(namespace = "/", options = {}) {
  const socket = client(namespace, options);
  await connect(socket);
  return socket;
}

export async function connect(socket) {
  if (!socket.connected) {
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
  }
  await upgraded(socket);
}

export async function upgraded(socket) {
  const engine = socket.io.engine;
  if (mode === "upgrade" && engine.transport.name !== "websocket") await new Promise((resolve) => engine.once("upgrade", resolve));
}

/** Waits for the next event and returns its arguments. */
export function once(emitter, event) {
  return new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
}

/** Collects n events in the order of their coming. */
export function collect(emitter, event, n) {
  return new Promise((resolve) => {
    const got = [];
    emitter.on(event, function take(...args) {
      got.push(args.length === 1 ? args[0] : args);
      if (got.length === n) {
        emitter.off(event, take);
        resolve(got);
      }
    });
  });
}

/** Fails when the event comes within ms. */
export async function never(emitter, event, ms = 150) {
  let got;
  emitter.once(event, (...args) => { got = args; });
  await sleep(ms);
  assert.equal(got, undefined, `${event} came: ${JSON.stringify(got)}`);
}

/** Emits with an acknowledgement and returns what the server answered. */
export function call(socket, event, ...args) {
  return new Promise((resolve) => socket.emit(event, ...args, (...reply) => resolve(reply)));
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until fn returns something true. The check's own limit ends it otherwise. */
export async function until(fn) {
  for (;;) {
    const value = await fn();
    if (value) return value;
    await sleep(20);
  }
}

/** Calls fn when the check ends, however it ends. */
export function after(fn) { open.push(fn); }

const last = [];

/** Calls fn after the last check. */
export function atEnd(fn) { last.push(fn); }

const input = createInterface({ input: process.stdin });
const answers = input[Symbol.asyncIterator]();

/** Asks the Go side for something ("stop", "start") and waits until it is done. */
export async function ask(what) {
  console.log(JSON.stringify({ ask: what }));
  const { value, done } = await answers.next();
  if (done || value !== "ok") throw new Error(`the test could not ${what} the server: ${value}`);
}

async function run() {
  let failed = 0;
  for (const { name, fn, within } of checks) {
    const from = performance.now();
    let timer, error;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not done after ${within} ms`)), within); });
    try {
      await Promise.race([fn(), late]);
    } catch (e) {
      error = e;
      failed++;
    }
    clearTimeout(timer);
    for (const close of open.splice(0)) await close();
    console.log(JSON.stringify({ check: name, ok: !error, ms: Math.round(performance.now() - from), error: error && describe(error) }));
  }
  for (const fn of last) await fn();
  process.exit(failed ? 1 : 0);
}

function describe(e) {
  return (e.stack ?? String(e)).split("\n").filter((l) => !l.includes("node:internal")).slice(0, 12).join("\n");
}

// Checks are registered while the script is loaded; they run after it.
setImmediate(run);
