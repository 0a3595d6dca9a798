// What a server says to clients of Engine.IO 3, byte by byte, for comparison with the reference
// (TestParityOlder); wire.mjs for clients of today.

import http from "node:http";
import WebSocket from "ws";
import { check, fact, url } from "./harness.mjs";

const base = new URL(url);
const io = "/socket.io/?EIO=3&transport=polling";
const form = { "content-type": "application/x-www-form-urlencoded" };
const octets = { "content-type": "application/octet-stream" };

function request(method, path, { headers = {}, body, raw } = {}) {
  return new Promise((resolve) => {
    const r = http.request({ host: base.hostname, port: base.port, method, path, headers, agent: false }, (res) => {
      const chunks = [];
      res.on("data", (c) => chunks.push(c));
      res.on("end", () => {
        const all = Buffer.concat(chunks);
        raw?.(all.toString());
        const type = res.headers["content-type"];
        resolve({ status: res.statusCode, type, body: type === "application/octet-stream" ? plain(all.toString("latin1")) : plain(all.toString()) });
      });
    });
    r.on("error", (e) => resolve({ error: e.code }));
    r.setTimeout(15_000, () => r.destroy(Object.assign(new Error(), { code: "no answer" })));
    r.end(body);
  });
}

// Ids differ each time.
const plain = (text) => text.replace(/[\w-]{20}(?=\\?")/g, "*");

/** A session: its path, with the hello of the server taken. */
async function session(query = "") {
  let sid;
  const { body } = await request("GET", io + query, { raw: (text) => { sid = /sid\\?":\\?"([\w-]+)/.exec(text)[1]; } });
  const path = `${io}${query}&sid=${sid}`;
  return { path, first: body, hello: await all(path, "hello") };
}

/** Polls until a payload with the word was seen, and returns the packets of all as one text. */
async function all(path, word) {
  let got = "";
  while (!got.includes(word)) {
    const { status, type, body, error } = await request("GET", path);
    got += body;
    if (status !== 200 || error) return `${got} ${status ?? error} ${type}`;
  }
  return got;
}

for (const query of ["", "&b64=1", "&j=0", "&j=7x&b64=1", "&j="]) {
  check(`handshake${query}`, async () => {
    const { first, hello } = await session(query);
    fact(`handshake${query}`, first);
    fact(`handshake${query}: the hello`, hello);
  });
}

for (const query of ["transport=polling", "EIO=2&transport=polling", "EIO=&transport=polling", "EIO=3&transport=nope", "EIO=3&transport=websocket"]) {
  check(`request ${query}`, async () => fact(`request ${query}`, await request("GET", `/socket.io/?${query}`)));
}

check("another revision on a session", async () => {
  const { path } = await session();
  for (const method of ["GET", "POST"]) fact(`${method} with EIO=4`, await request(method, path.replace("EIO=3", "EIO=4"), { body: method === "POST" ? "2" : undefined }));
  fact("the session after it", [await request("POST", path, { body: '12:421["ack",1]' }), await all(path, "431")]);
});

const posts = {
  "text": ["", '12:421["ack",1]'],
  "text with é and 🌬": ["", '15:421["ack","é🌬"]'],
  "several": ["", '12:421["ack",0]1:2'],
  "base64": ["", '43:4511-["ack",{"_placeholder":true,"num":0}]10:b4AQIDBA=='],
  "base64 to a client that wants it": ["&b64=1", '43:4511-["ack",{"_placeholder":true,"num":0}]10:b4AQIDBA=='],
  "octets": ["", octet('4511-["ack",{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 255])), octets],
  "form": ["&j=1", `d=${encodeURIComponent('18:421["ack","a\\\\nb"]')}`, form],
};

function octet(text, binary) {
  const part = (kind, data) => Buffer.concat([Buffer.from([kind, ...String(data.length).split("").map(Number), 255]), data]);
  return Buffer.concat([part(0, Buffer.from(text)), part(1, binary)]);
}

for (const [name, [query, body, headers]] of Object.entries(posts)) {
  check(`post: ${name}`, async () => {
    const { path } = await session(query);
    fact(`post: ${name}`, [await request("POST", path, { body, headers }), await all(path, name.startsWith("text") || name === "form" || name === "several" ? "431" : "4611")]);
  });
}

const garbage = {
  "empty": "", "no length": "4hello", "too long": "9:4hello", "no number": "x:4hello", "unknown type": "2:9x", "nothing": "0:", "a pong": "1:3", "a close": "1:1", "base64 of no type": "2:b9",
};

for (const [name, body] of Object.entries(garbage)) {
  check(`payload: ${name}`, async () => {
    const { path } = await session();
    fact(`payload: ${name}`, [await request("POST", path, { body }), (await request("POST", path, { body: '12:421["ack",1]' })).status]);
  });
}

check("a form without the field, and with two", async () => {
  const { path } = await session("&j=0");
  for (const body of ["x=1", "d=1%3A2&d=1%3A2", ""]) fact(`form ${body}`, await request("POST", path, { body, headers: form }));
  fact("form of octets", await request("POST", path, { body: octet("42", Buffer.from([4])), headers: octets }));
  fact("the session after forms", (await request("POST", path, { body: `d=${encodeURIComponent('12:421["ack",1]')}`, headers: form })).status);
});

const until = (text) => ({ until: text });

/**
 * Opens a WebSocket, sends packets, waiting for answers between them, and tells what came until the end, or the
 * acknowledgement of the last.
 */
function talk(packets, query = "") {
  return new Promise((resolve) => {
    const rest = [...packets, '4299["ack","done"]'];
    const ws = new WebSocket(`ws://${base.host}/socket.io/?EIO=3&transport=websocket${query}`);
    const got = [];
    const done = (end) => { ws.terminate(); resolve({ got, end }); };
    ws.on("message", (data, binary) => {
      const text = binary ? `binary ${data.toString("hex")}` : plain(data.toString());
      got.push(text.startsWith("0") ? "0" : text);
      if (text.startsWith('42["hello"') || rest[0]?.until && text.startsWith(rest.shift().until)) {
        while (rest.length && !rest[0].until) ws.send(rest.shift());
      }
      if (text.startsWith("4399")) done("alive");
    });
    ws.on("close", (code) => done(`closed ${code}`));
    ws.on("error", (e) => got.push(e.message));
  });
}

const placeholder = '{"_placeholder":true,"num":0}';
const sockets = {
  "nothing": [],
  "ping": ["2"],
  "ping with data": ["2probe"],
  "pong": ["3"],
  "unknown type": ["9"],
  "empty": [""],
  "binary": [`4511-["ack",${placeholder}]`, Buffer.from([4, 1, 2, 255])],
  "binary as base64": [`4511-["ack",${placeholder}]`, "b4AQL/"],
  "binary of an unknown type": [Buffer.from([9, 1])],
  "binary that is empty": [Buffer.alloc(0)],
  "binary ping": [Buffer.from([2])],
  "binary nobody announced": [Buffer.from([4, 1])],
  "connect again": ["40"],
  "namespace": ["40/custom", until("42/custom")],
  "namespace with a query": ["40/custom?token=a%20b&n=1&n=2,", until("42/custom")],
  "namespace with a query and a payload": ['40/custom?a=1,{"b":2}', until("42/custom")],
  "unknown namespace": ["40/nowhere?a=1,", until("44/nowhere")],
  "namespace that refuses": ["40/admin?token=wrong,", until("44/admin")],
  "event for a namespace with a query": ["40/custom?a=1,", until("42/custom"), '42/custom?b=2,["echo",1]', until("42/custom")],
  "error from a client": ['44"x"'],
  "disconnect of a namespace": ["40/custom,", until("42/custom"), "41/custom,"],
};

for (const [name, packets] of Object.entries(sockets)) {
  check(`socket: ${name}`, async () => fact(`socket: ${name}`, await talk(packets)));
}
check("socket: base64", async () => fact("socket: base64", await talk(sockets.binary, "&b64=1")));
for (const refuse of ["plain", "data"]) {
  check(`socket: refused, ${refuse}`, async () => fact(`socket: refused, ${refuse}`, await talk([], `&refuse=${refuse}`)));
}
