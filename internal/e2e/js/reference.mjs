// The reference server with the behaviour that the checks expect of a server under test.
// The same in Go: testserver_test.go. Prints {"ready":port} and runs until its input ends.

import { createServer } from "node:http";
import { Server } from "socket.io";
import { Server as Engine } from "engine.io";
import { parser } from "./parsers.mjs";
import { operators } from "./operators-server.mjs";

const port = Number(process.env.PORT ?? 0);
const options = {
  allowEIO3: Boolean(process.env.EIO3),
  pingInterval: 1_000,
  pingTimeout: 2_500,
  connectTimeout: 6_000,
  maxHttpBufferSize: 2e6,
  cleanupEmptyChildNamespaces: true,
  cors: { origin: "https://app.example", credentials: true, allowedHeaders: ["x-token"] },
  ...(parser && { parser }),
  ...(process.env.RECOVERY && { connectionStateRecovery: {} }),
};

const http = createServer();
const io = new Server(http, options);
const reasons = new Map();

let middlewares = 0;
io.use((socket, next) => {
  middlewares++;
  if (socket.handshake.query.refuse === "plain") return next(new Error("refused"));
  if (socket.handshake.query.refuse === "data") return next(Object.assign(new Error("refused"), { data: { code: 42, why: ["no", "entry"] } }));
  next();
});

io.on("connection", (socket) => {
  const { query, auth } = socket.handshake;
  const seen = [], sent = [];
  reasons.set(socket.id, []);
  socket.onAny((event) => seen.push(event));
  socket.onAnyOutgoing((event) => sent.push(event));
  socket.emit("hello", { id: socket.id, auth, token: query.token ?? null, header: socket.handshake.headers["x-token"] ?? null });
  for (let i = 0; i < Number(query.burst ?? 0); i++) socket.emit("seq", i);

  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("ack", (...args) => args.pop()(...args));
  socket.on("add", ({ a, b }, ack) => ack({ sum: a + b }));
  socket.on("ask", (ms, event, ...args) => {
    const ack = args.pop();
    socket.timeout(ms).emit(event, ...args, (err, ...reply) => ack(err ? "timeout" : "reply", ...reply));
  });
  socket.on("size", (x, ack) => ack(x.length ?? x.byteLength));
  socket.on("make", (kind, n, ack) => ack(kind === "text" ? "é".repeat(n / 2) : Buffer.alloc(n, 7)));
  socket.on("burst", (n) => { for (let i = 0; i < n; i++) socket.emit("seq", i); });
  socket.on("volatile", (n) => {
    for (let i = 0; i < n; i++) socket.volatile.emit("maybe", i);
    socket.emit("surely");
  });

  socket.on("join", (rooms, ack) => { socket.join(rooms); ack(); });
  socket.on("leave", (room, ack) => { socket.leave(room); ack(); });
  socket.on("rooms", (ack) => ack([...socket.rooms].filter((r) => r !== socket.id).sort(), socket.rooms.has(socket.id)));
  socket.on("room", (room, ...args) => io.to(room).emit("room", ...args));
  socket.on("rooms-to", (rooms, ...args) => io.to(rooms).emit("room", ...args));
  socket.on("others", (room, ...args) => socket.to(room).emit("room", ...args));
  socket.on("except", (room, ...args) => io.except(room).emit("room", ...args));
  socket.on("all", (...args) => io.emit("room", ...args));
  socket.on("broadcast", (...args) => socket.broadcast.emit("room", ...args));
  socket.on("tell", (id, ...args) => io.to(id).emit("room", ...args));

  socket.on("keep", (data, ack) => { socket.data = data; ack(); });
  socket.on("kept", (ack) => ack(socket.data, socket.recovered));
  socket.on("middlewares", (ack) => ack(middlewares));
  socket.on("forget-reasons", (ack) => { reasons.set(socket.id, []); ack(); });
  socket.on("seen", (ack) => ack(seen.slice(-5), sent.slice(-5)));
  socket.on("transport", (ack) => ack(socket.conn.transport.name));
  socket.on("reasons", (id, ack) => ack(reasons.get(id) ?? null));
  socket.on("bye", (close) => socket.disconnect(close));
  socket.on("made", (name, ack) => ack(made.get(name) ?? 0));
  socket.on("disconnecting", (reason) => reasons.get(socket.id).push(`disconnecting: ${reason} (${socket.rooms.size - 1} rooms)`));
  socket.on("disconnect", (reason) => reasons.get(socket.id).push(`disconnect: ${reason}`));
});

const made = new Map(); // how often each namespace was made
io.on("new_namespace", ({ name }) => made.set(name, (made.get(name) ?? 0) + 1));

const dynamic = io.of(/^\/dynamic-\d+$/);
dynamic.use((socket, next) => (socket.handshake.auth.refuse ? next(new Error("refused")) : next()));
dynamic.on("connection", (socket) => {
  socket.on("name", (ack) => ack(socket.nsp.name));
  socket.on("all", (...args) => dynamic.emit("room", ...args));
});
const tenants = io.of((name, auth, next) => next(null, name === `/${auth?.tenant}`));
tenants.on("connection", (socket) => socket.on("name", (ack) => ack(socket.nsp.name)));

operators(io);

const custom = io.of("/custom");
custom.on("connection", (socket) => {
  socket.emit("auth", socket.handshake.auth);
  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("all", (...args) => custom.emit("room", ...args));
  socket.on("bye", () => socket.disconnect());
});

const admin = io.of("/admin");
admin.use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(Object.assign(new Error("not authorized"), { data: { code: 401, retry: false } }));
});
admin.on("connection", (socket) => socket.on("echo", (...args) => socket.emit("echo", ...args)));

const engine = new Engine({ allowEIO3: options.allowEIO3, pingInterval: 1_000, pingTimeout: 2_500, maxHttpBufferSize: 2e6 });
engine.attach(http, { path: "/engine.io/" });
engine.on("connection", (socket) => {
  for (let i = 0; i < Number(socket.request._query.burst ?? 0); i++) socket.send(`seq ${i}`);
  socket.on("message", (m) => (m === "close" ? socket.close() : socket.send(m)));
});

http.listen(port, "127.0.0.1", () => console.log(JSON.stringify({ ready: http.address().port })));
process.stdin.resume().on("end", () => process.exit(0));
