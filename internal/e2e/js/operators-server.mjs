// The namespace "/operators" of the reference server: the same in Go is operators_test.go.

/** What a filter {in, except} selects. */
const select = (nsp, { in: rooms = [], except = [] }) => nsp.in(rooms).except(except);

export function operators(io) {
  const nsp = io.of("/operators");
  nsp.on("connection", (socket) => {
    socket.on("join", (rooms, ack) => { socket.join(rooms); ack(); });
    socket.on("rooms", (ack) => ack([...socket.rooms].filter((r) => r !== socket.id).sort()));
    socket.on("data", (data, ack) => { socket.data = data; ack(); });
    socket.on("fetch", async (filter, ack) => ack((await select(nsp, filter).fetchSockets()).map((s) => s.id).sort()));
    socket.on("describe", async (id, ack) => {
      const [s] = await nsp.in(id).fetchSockets();
      const { address, query, xdomain, secure, url } = s.handshake;
      ack({ id: s.id, rooms: [...s.rooms].filter((r) => r !== s.id).sort(), data: s.data, address, from: query.from, xdomain, secure, path: url.split("?")[0] });
    });
    socket.on("tell", async (id, ...args) => (await nsp.in(id).fetchSockets())[0].emit("told", ...args));
    socket.on("sockets-join", (filter, rooms, ack) => { select(nsp, filter).socketsJoin(rooms); ack(); });
    socket.on("sockets-leave", (filter, rooms, ack) => { select(nsp, filter).socketsLeave(rooms); ack(); });
    socket.on("sockets-disconnect", (filter, close) => select(nsp, filter).disconnectSockets(close));
    socket.on("send", (filter, ...args) => select(nsp, filter).emit("sent", ...args));
    socket.on("ask", (filter, ms, ...args) => {
      const ack = args.pop();
      select(nsp, filter).timeout(ms).emit("asked", ...args, (err, answers) => ack(err ? err.message : null, answers.sort()));
    });
    socket.on("immutable", (room) => {
      const a = nsp.to(`${room}-1`);
      const b = a.to(`${room}-2`);
      const c = b.except(`${room}-2`);
      c.emit("sent", "c");
      b.emit("sent", "b");
      a.emit("sent", "a");
    });
  });
}
