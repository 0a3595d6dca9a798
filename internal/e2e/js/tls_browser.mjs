// A page that came by https, in Chromium, and its client.

import { chromium } from "playwright-core";
import { assert, atEnd, check, url } from "./harness.mjs";

const launch = {
  executablePath: process.env.CHROMIUM,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
};
let browser;
atEnd(() => browser?.close());

/** Runs in the page: connects, echoes, and tells how. */
function visit(transports) {
  return new Promise((resolve, reject) => {
    const socket = io({ transports });
    const done = () => socket.emit("who", (secure) => {
      const got = { secure, transport: socket.io.engine.transport.name, page: location.protocol };
      socket.disconnect();
      resolve(got);
    });
    socket.on("connect_error", reject);
    socket.on("connect", () => {
      if (transports.length === 2) socket.io.engine.once("upgrade", done);
      else done();
    });
  });
}

for (const [name, transports, last] of [
  ["polling", ["polling"], "polling"], ["WebSocket", ["websocket"], "websocket"], ["the upgrade", ["polling", "websocket"], "websocket"],
]) {
  check(`${name} over TLS in Chromium`, async () => {
    browser ??= await chromium.launch(launch);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(url);
    await page.addScriptTag({ url: "/socket.io.min.js" });
    assert.deepEqual(await page.evaluate(visit, transports), { secure: true, transport: last, page: "https:" });
    await context.close();
  }, { within: 60_000 });
}
