// What a server says to requests and packets that no official client sends. Nothing here is right or
// wrong by itself: the facts are compared with the reference server's (TestParity).

import http from "node:http";
import WebSocket from "ws";
import { assert, check, fact, sleep, url } from "./harness.mjs";

const base = new URL(url);
const KEEP = ["content-type", "vary", "connection", "cache-control", "set-cookie", "allow"];

/** One HTTP request; the answer without what differs each time. */
function request(method, path, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const r = http.request({ host: base.hostname, port: base.port, method, path, headers, agent: false }, (res) => {
      const chunks = [];
      res.on("data", (c) => chunks.push(c));
      res.on("end", () => {
        const kept = Object.entries(res.headers).filter(([k]) => KEEP.includes(k) || k.startsWith("access-control-"));
        resolve({ status: res.statusCode, headers: Object.fromEntries(kept.sort()), body: plain(Buffer.concat(chunks).toString()) });
      });
      res.on("error", reject);
    });
    r.on("error", (e) => resolve({ error: e.code }));
    r.setTimeout(5_000, () => r.destroy(Object.assign(new Error(), { code: "no answer" })));
    r.end(body);
  });
}

function plain(text) {
  return text.replace(/"sid":"[\w-]{20}"/g, '"sid":"*"').replace(/"id":"[\w-]{20}"/g, '"id":"*"');
}

const io = "/socket.io/";

async function handshake() {
  const text = await new Promise((resolve, reject) => {
    http.get({ host: base.hostname, port: base.port, path: `${io}?EIO=4&transport=polling`, agent: false }, (res) => {
      let all = "";
      res.on("data", (c) => { all += c; });
      res.on("end", () => resolve(all));
    }).on("error", reject);
  });
  return JSON.parse(text.slice(1)).sid;
}

const plainRequests = {
  "handshake": ["GET", `${io}?EIO=4&transport=polling`],
  "handshake without slash": ["GET", "/socket.io?EIO=4&transport=polling"],
  "no EIO": ["GET", `${io}?transport=polling`],
  "EIO 3": ["GET", `${io}?EIO=3&transport=polling`],
  "EIO 5": ["GET", `${io}?EIO=5&transport=polling`],
  "no transport": ["GET", `${io}?EIO=4`],
  "unknown transport": ["GET", `${io}?EIO=4&transport=carrier-pigeon`],
  "transport constructor": ["GET", `${io}?EIO=4&transport=constructor`],
  "transport __proto__": ["GET", `${io}?EIO=4&transport=__proto__`],
  "unknown sid": ["GET", `${io}?EIO=4&transport=polling&sid=nobody`],
  "unknown sid of the right length": ["GET", `${io}?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA`],
  "unknown sid, POST": ["POST", `${io}?EIO=4&transport=polling&sid=nobody`, { body: "40" }],
  "handshake by POST": ["POST", `${io}?EIO=4&transport=polling`, { body: "40" }],
  "handshake by PUT": ["PUT", `${io}?EIO=4&transport=polling`],
  "handshake by HEAD": ["HEAD", `${io}?EIO=4&transport=polling`],
  "websocket without upgrade": ["GET", `${io}?EIO=4&transport=websocket`],
  "origin": ["GET", `${io}?EIO=4&transport=polling`, { headers: { origin: "https://app.example" } }],
  "other origin": ["GET", `${io}?EIO=4&transport=polling`, { headers: { origin: "https://evil.example" } }],
  "preflight": ["OPTIONS", `${io}?EIO=4&transport=polling`, { headers: { origin: "https://app.example", "access-control-request-method": "POST", "access-control-request-headers": "x-token" } }],
  "an error with an origin": ["GET", `${io}?EIO=4&transport=nope`, { headers: { origin: "https://app.example" } }],
};

for (const [name, args] of Object.entries(plainRequests)) {
  check(`request: ${name}`, async () => fact(`request: ${name}`, await request(...args)));
}

check("requests of a session", async () => {
  const sid = await handshake();
  const path = `${io}?EIO=4&transport=polling&sid=${sid}`;
  fact("session: POST of a CONNECT", await request("POST", path, { body: "40", headers: { "content-type": "text/plain;charset=UTF-8" } }));
  fact("session: the poll after it", await request("GET", path));
  fact("session: PUT", await request("PUT", path, { body: "40" }));
  fact("session: transport websocket without upgrade", await request("GET", path.replace("polling", "websocket")));
  fact("session: event", await request("POST", path, { body: '421["ack","x"]' }));
  fact("session: its acknowledgement", await request("GET", path));
  fact("session: two packets in one payload", await request("POST", path, { body: '422["ack",1]\u001e423["ack",2]' }));
  fact("session: close packet", await request("POST", path, { body: "1" }));
  fact("session: after the close", await request("GET", path));
});

check("two polls at once", async () => {
  const sid = await handshake();
  const path = `${io}?EIO=4&transport=polling&sid=${sid}`;
  const first = request("GET", path);
  await sleep(50);
  fact("two polls: the second", await request("GET", path));
  fact("two polls: the first", await first);
  fact("two polls: the session after it", await request("GET", path));
});

const payloads = {
  "empty": "",
  "unknown packet type": "9x",
  "garbage": "\u0000\u0001\u0002",
  "separator only": "\u001e",
  "bad base64": "b!!!",
  "pong nobody asked for": "3",
};

for (const [name, body] of Object.entries(payloads)) {
  check(`payload: ${name}`, async () => {
    const path = `${io}?EIO=4&transport=polling&sid=${await handshake()}`;
    await request("POST", path, { body: "40" });
    await request("GET", path);
    const posted = await request("POST", path, { body });
    fact(`payload: ${name}`, { posted: posted.error ?? posted.status, body: posted.body, then: (await request("POST", path, { body: '421["ack","alive"]' })).status ?? "no answer" });
  });
}

check("a POST above the limit", async () => {
  const path = `${io}?EIO=4&transport=polling&sid=${await handshake()}`;
  const { status, error } = await request("POST", path, { body: "4".repeat(2_000_001) });
  fact("POST above the limit", status ?? error);
});

check("a binary content type", async () => {
  const path = `${io}?EIO=4&transport=polling&sid=${await handshake()}`;
  const { status, body, error } = await request("POST", path, { body: "40", headers: { "content-type": "application/octet-stream" } });
  fact("POST of octets", { status, body, error });
});

/**
 * Opens a raw WebSocket, joins "/" unless told not to, sends packets, and tells what came of it. No time
 * decides: a server that answers is alive when it did so twice, so that what it says later than at once
 * is seen; one that stays silent is open when it pings again after the pong that was sent behind the packets. With
 * late the question whether it is alive is asked only then: the reference handles what comes in one piece
 * differently from what comes one by one.
 */
function raw(packets, { join = true, late = false } = {}) {
  return new Promise((resolve) => {
    const ws = new WebSocket(`ws://${base.host}${io}?EIO=4&transport=websocket`);
    const got = [];
    let pings = -1; // since the packets were sent
    const done = (end) => {
      clearTimeout(timer);
      ws.terminate();
      resolve({ got, end });
    };
    const timer = setTimeout(done, 30_000, "no answer");
    const send = () => {
      for (const p of packets) ws.send(p);
      packets = [];
      if (!late) ws.send('421["ack","alive"]');
      pings = 0;
    };
    ws.on("message", (data, binary) => {
      const text = binary ? `binary ${data.toString("hex")}` : plain(data.toString());
      if (text === "2") {
        ws.send("3");
        if (pings < 0 || ++pings < 2) return;
        if (late) { late = false; send(); } else done("still open");
        return;
      }
      if (text.startsWith("0")) { if (join) ws.send("40"); else send(); return; }
      if (text.startsWith('40{"sid"') && join) { join = false; return; }
      if (text.startsWith('42["hello"') && pings < 0) { send(); return; }
      if (text.startsWith("431")) { ws.send('422["ack","alive"]'); return; }
      if (text.startsWith("432")) { done("alive"); return; }
      got.push(text);
    });
    ws.on("close", (code) => done(`closed ${code}`));
    ws.on("error", (e) => got.push(e.message));
  });
}

const placeholder = '{"_placeholder":true,"num":0}';
const rawPackets = {
  "nothing wrong": [],
  "unknown engine packet": ["9"],
  "empty frame": [""],
  "engine noop": ["6"],
  "engine ping": ["2probe"],
  "pong nobody asked for": ["3"],
  "engine close": ["1"],
  "unknown packet type": ["49"],
  "no type": ["4"],
  "event without payload": ["42"],
  "event with an empty list": ["42[]"],
  "event with an object": ["42{}"],
  "event with a number as name": ["42[1]"],
  "event with null as name": ["42[null]"],
  "reserved name connect": ['42["connect"]'],
  "reserved name disconnect": ['42["disconnect"]'],
  "reserved name newListener": ['42["newListener"]'],
  "event with broken JSON": ['42["x"'],
  "event for a namespace not joined": ['42/custom,["echo",1]'],
  "CONNECT a second time": ["40"],
  "CONNECT to an unknown namespace": ["40/nowhere,"],
  "CONNECT to a namespace with broken auth": ["40/custom,{"],
  "CONNECT to a namespace with a list as auth": ["40/custom,[]"],
  "CONNECT to a namespace with a number as auth": ["40/custom,1"],
  "CONNECT to a namespace with a query": ["40/custom?x=1,"],
  "CONNECT to a namespace": ["40/custom,"],
  "CONNECT_ERROR from a client": ['44{"message":"x"}'],
  "DISCONNECT with a payload": ['41{"x":1}'],
  "DISCONNECT": ["41"],
  "ACK nobody asked for": ["4399[1]"],
  "ACK without id": ["43[1]"],
  "ACK without payload": ["431"],
  "ACK with an object": ["431{}"],
  "id that is not a number": ['42x["echo"]'],
  "huge id": ['4299999999999999999999["ack",1]'],
  "binary event": ["451-[\"echo\"," + placeholder + "]", Buffer.from("ab")],
  "binary event without attachments": ['450-["echo",1]'],
  "binary event without count": ['45["echo"]'],
  "binary event, count without dash": ['451["echo"]'],
  "binary event, text instead of the attachment": ["451-[\"echo\"," + placeholder + "]", '42["echo",1]'],
  "binary event, placeholder out of range": ['451-["echo",{"_placeholder":true,"num":3}]', Buffer.from("ab")],
  "binary event, placeholder of a wrong kind": ['451-["echo",{"_placeholder":true,"num":"0"}]', Buffer.from("ab")],
  "binary event, placeholder missing": ['451-["echo",1]', Buffer.from("ab")],
  "binary event, one attachment twice": ["451-[\"echo\"," + placeholder + "," + placeholder + "]", Buffer.from("ab")],
  "attachment nobody announced": [Buffer.from("ab")],
  "engine type in binary": [Buffer.from('42["echo",1]')],
};

for (const [name, packets] of Object.entries(rawPackets)) {
  check(`packet: ${name}`, async () => fact(`packet: ${name}`, await raw(packets, { late: name === "DISCONNECT" })));
}

const early = {
  "event before CONNECT": ['42["echo",1]'],
  "CONNECT to an unknown namespace first": ["40/nowhere,"],
  "DISCONNECT before CONNECT": ["41"],
  "binary before CONNECT": [Buffer.from("ab")],
};

for (const [name, packets] of Object.entries(early)) {
  check(`packet: ${name}`, async () => fact(`packet: ${name}`, await raw(packets, { join: false, late: name.startsWith("CONNECT") })));
}

check("no CONNECT in time", async () => {
  const from = performance.now();
  const end = await new Promise((resolve) => {
    const ws = new WebSocket(`ws://${base.host}${io}?EIO=4&transport=websocket`);
    ws.on("message", (m) => { if (String(m) === "2") ws.send("3"); });
    ws.on("close", (code) => resolve(`closed ${code}`));
  });
  fact("no CONNECT in time", end);
  const took = performance.now() - from;
  assert.ok(took > 900, `after ${took} ms of 1,000`);
});

const upgrades = {
  "websocket": "EIO=4&transport=websocket",
  "websocket with an unknown sid": "EIO=4&transport=websocket&sid=nobody",
  "websocket without EIO": "transport=websocket",
  "websocket, EIO 3": "EIO=3&transport=websocket",
  "upgrade with transport polling": "EIO=4&transport=polling",
  "upgrade with an unknown transport": "EIO=4&transport=nope",
};

for (const [name, query] of Object.entries(upgrades)) {
  check(`upgrade: ${name}`, async () => {
    fact(`upgrade: ${name}`, await new Promise((resolve) => {
      const ws = new WebSocket(`ws://${base.host}${io}?${query}`);
      const got = [];
      const done = (end) => { resolve({ got, end }); ws.terminate(); };
      ws.on("message", (m) => (String(m) === "2" ? done("still open") : got.push(plain(String(m)))));
      ws.on("close", (code) => done(`closed ${code}`));
      ws.on("unexpected-response", (_, res) => {
        let body = "";
        res.on("data", (c) => { body += c; });
        res.on("end", () => resolve({ status: res.statusCode, type: res.headers["content-type"], connection: res.headers.connection, body }));
      });
      ws.on("error", (e) => resolve(e.message));
    }));
  });
}
