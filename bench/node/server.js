"use strict";
// The reference server under the same contract as `siobench serve`: see cmd/siobench/serve.go.
//
//   node [--expose-gc] server.js [-addr 127.0.0.1:3000] [-deflate] [-eio3] [-ping-interval 25000] [-ping-timeout 20000]
//
// It prints one JSON line {"listening": "...", "pid": n} when it accepts connections.

const http = require("http");
const { performance } = require("perf_hooks");
const { Server } = require("socket.io");

function options(argv) {
  const o = { addr: "127.0.0.1:3000", deflate: false, eio3: false, "ping-interval": "25000", "ping-timeout": "20000" };
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].replace(/^--?/, "");
    if (!(name in o)) throw new Error(`unknown flag ${argv[i]}`);
    o[name] = typeof o[name] === "boolean" ? true : argv[++i];
  }
  return o;
}

const opt = options(process.argv.slice(2));
let io;

function stats() {
  const m = process.memoryUsage();
  return {
    server: "node",
    version: `node ${process.version}, socket.io ${require("socket.io/package.json").version}`,
    pid: process.pid,
    goroutines: 0,
    heapBytes: m.heapUsed,
    heapSysBytes: m.heapTotal,
    externalBytes: m.external,
    clients: io.engine.clientsCount,
    elu: performance.eventLoopUtilization().utilization,
  };
}

// /debug/stats answers the process's counters; ?gc=1 collects first, when node was started with --expose-gc.
const web = http.createServer((req, res) => {
  if (!req.url.startsWith("/debug/stats")) {
    res.writeHead(404).end();
    return;
  }
  if (req.url.includes("gc=1") && global.gc) global.gc();
  res.writeHead(200, { "Content-Type": "application/json" });
  res.end(JSON.stringify(stats()));
});

io = new Server(web, {
  pingInterval: Number(opt["ping-interval"]),
  pingTimeout: Number(opt["ping-timeout"]),
  perMessageDeflate: opt.deflate,
  allowEIO3: opt.eio3,
  serveClient: false,
});

io.on("connection", (socket) => {
  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("bcast", (...args) => io.emit("bcast", ...args));
  socket.on("ack", (...args) => args.pop()(...args));
  socket.on("join", (room, done) => {
    socket.join(room);
    if (typeof done === "function") done();
  });
  socket.on("leave", (room, done) => {
    socket.leave(room);
    if (typeof done === "function") done();
  });
  socket.on("room", (room, ...args) => io.to(room).emit("room", ...args));
});

const cut = opt.addr.lastIndexOf(":");
web.listen({ host: opt.addr.slice(0, cut), port: Number(opt.addr.slice(cut + 1)), backlog: 4096 }, () => {
  const a = web.address();
  console.log(JSON.stringify({ listening: `${a.address}:${a.port}`, pid: process.pid }));
});
for (const s of ["SIGTERM", "SIGINT"]) process.on(s, () => process.exit(0));
