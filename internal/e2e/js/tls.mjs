// What TLS adds for a client: whom it trusts, and who it says it is.

import { assert, call, check, client, connected, once } from "./harness.mjs";

check("the connection is encrypted, and the server knows", async () => {
  const socket = await connected();
  assert.match(socket.io.uri, /^https:/);
  assert.deepEqual(await call(socket, "who"), [true, ""]);
});

check("a client shows its certificate", async () => {
  const { CERT: cert, KEY: key } = process.env;
  const socket = await connected("/", { cert, key });
  assert.deepEqual(await call(socket, "who"), [true, "alice"]);
});

check("a server that is not trusted is not connected to", async () => {
  const [error] = await once(client("/", { ca: undefined }), "connect_error");
  assert.match(error.message, /error/);
});
