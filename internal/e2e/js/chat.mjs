// The chat page in two browser windows that share nothing, driven as two people would.

import { deflateSync, crc32 } from "node:zlib";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ask, assert, atEnd, check, fact, url } from "./harness.mjs";

const shots = process.env.SCREENSHOTS; // a folder, or nothing: then no picture is kept
if (shots) mkdirSync(shots, { recursive: true });

// As root and without a network of its own: no sandbox, and nothing that calls home.
const launch = {
  executablePath: process.env.CHROMIUM,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
};
let browser;
atEnd(() => browser?.close());

const complaints = [];

async function visitor(who, options) {
  const context = await browser.newContext({ viewport: { width: 1380, height: 860 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (e) => complaints.push(`${who}: ${e.message}`));
  page.on("console", (m) => { if (m.type() === "error" && !/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|WebSocket connection/.test(m.text())) complaints.push(`${who}: ${m.text()}`); });
  await page.goto(url);
  return page;
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

async function enter(page, name, room = "lobby") {
  await page.fill("#name", name);
  await page.fill("#room", room);
  await page.click("#join button");
  await page.waitForSelector(".gate.gone", { state: "attached" });
  await page.waitForFunction((n) => [...document.querySelectorAll("#people .name")].some((e) => e.textContent === n), name);
}

const say = async (page, text) => {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
};
const sees = (page, text) => page.waitForSelector(`.log >> text=${JSON.stringify(text)}`);
const texts = (page, selector) => page.$$eval(selector, (all) => all.map((e) => e.textContent));

let a, b;

check("two people come in", async () => {
  browser = await chromium.launch(launch);
  [a, b] = await Promise.all([visitor("Amina", { colorScheme: "light" }), visitor("Joris", { colorScheme: "dark" })]);
  await shot(a, "1-gate");
  await enter(a, "Amina Farouk");
  await enter(b, "Joris");
  await sees(a, "Joris came in");
}, { within: 60_000 });

check("each sees who is here", async () => {
  await a.waitForFunction(() => document.querySelectorAll("#people li").length === 2);
  for (const page of [a, b]) assert.deepEqual(await texts(page, "#people .name"), ["Amina Farouk", "Joris"]);
  assert.deepEqual(await texts(b, "#rooms .name"), ["dunes", "lobby", "oasis"]);
  assert.deepEqual(await texts(b, "#rooms .here .count"), ["2"]);
});

check("messages both ways, with their receipts", async () => {
  await say(a, "Morning! Is the feed service on the new server already?");
  await sees(b, "Morning! Is the feed service on the new server already?");
  await say(b, "Since yesterday evening, yes.");
  await say(b, "Same clients, same protocol: <b>nobody</b> noticed & that is the best review.");
  await sees(a, "Same clients, same protocol: <b>nobody</b> noticed & that is the best review.");
  await a.waitForSelector(".mine.last .tick >> text=Sent");
  await b.waitForSelector(".mine.last .tick >> text=Sent");
  assert.equal((await a.$$(".row:not(.mine)")).length, 2);
  assert.equal((await b.$$(".row.mine")).length, 2);
});

check("typing is shown, and goes away", async () => {
  await a.type("#text", "Let me se");
  await b.waitForSelector("#typing >> text=Amina Farouk is typing");
  await shot(b, "2-typing");
  await a.fill("#text", "");
  await b.waitForFunction(() => document.querySelector("#typing").textContent === "");
});

check("an image as binary, both ways", async () => {
  await a.setInputFiles("#file", { name: "dunes.png", mimeType: "image/png", buffer: dunes(640, 360) });
  await b.waitForSelector(".picture img");
  const size = await b.$eval(".picture img", async (img) => { await img.decode(); return [img.naturalWidth, img.naturalHeight, img.src.startsWith("blob:")]; });
  assert.deepEqual(size, [640, 360, true]);
  await a.waitForSelector(".mine.last .tick >> text=Sent");
  await b.setInputFiles("#file", { name: "small.png", mimeType: "image/png", buffer: dunes(120, 90) });
  await a.waitForSelector(".row:not(.mine) .picture img");
  await shot(a, "3-chat-light");
  await shot(b, "4-chat-dark");
}, { within: 40_000 });

check("the panel lives", async () => {
  const value = (key) => a.$eval(`[data-key="${key}"] .value`, (e) => e.textContent);
  await a.waitForFunction(() => document.querySelector('[data-key="sockets"] .value').textContent !== "–");
  const points = () => a.$eval('[data-key="sockets"] .line', (e) => e.getAttribute("d").split("L").length);
  const before = await points();
  await a.waitForFunction((n) => document.querySelector('[data-key="sockets"] .line').getAttribute("d").split("L").length > n, before);
  for (const key of ["sockets", "rooms", "lag", "events", "deliveries", "memory"]) assert.match(await value(key), /\d/, key);
  assert.ok(Number((await value("sockets")).replaceAll(",", "")) >= 2, `${await value("sockets")} sockets`);
  await a.waitForSelector("#facts >> text=Round trip");
  fact("transport of the page", await a.$eval("#my-state", (e) => e.textContent));
  await a.waitForSelector("#my-state >> text=online by websocket");
});

check("another room: who leaves, who comes, who hears what", async () => {
  await b.click('#rooms [data-room="dunes"]');
  await sees(b, "You are in #dunes");
  await sees(a, "Joris left");
  assert.equal(await b.$eval("#room-title", (e) => e.textContent), "dunes");
  await say(b, "only the sand hears this");
  await b.waitForSelector(".mine.last .tick >> text=Sent");
  await say(a, "anybody here?");
  await a.waitForSelector(".mine.last .tick >> text=Sent");
  assert.equal(await a.getByText("only the sand hears this").count(), 0);
  assert.equal(await b.getByText("anybody here?").count(), 0);
  await a.waitForFunction(() => document.querySelectorAll("#people li").length === 1);
});

check("back again: the history is there", async () => {
  await b.click('#rooms [data-room="lobby"]');
  await sees(b, "anybody here?");
  await sees(a, "Joris came in");
});

check("a room of one's own, gone when it is empty", async () => {
  await b.fill("#new-room-name", "  Blue Oasis 7 ");
  await b.press("#new-room-name", "Enter");
  await sees(b, "You are in #blue-oasis-7");
  await a.waitForSelector('#rooms [data-room="blue-oasis-7"]');
  await b.click('#rooms [data-room="lobby"]');
  await a.waitForSelector('#rooms [data-room="blue-oasis-7"]', { state: "detached" });
  await sees(a, "Joris came in");
});

check("the server restarts: a banner, then everybody is back", async () => {
  await ask("stop");
  await a.waitForSelector("#banner:not([hidden]) >> text=/Connection lost|No connection/");
  await b.waitForSelector("#banner:not([hidden])");
  await shot(a, "5-banner");
  await say(a, "written while there was nobody to send it to");
  await ask("start");
  await a.waitForSelector("#banner.good, #banner[hidden]", { state: "attached" });
  await Promise.all([a, b].map((page) => page.waitForFunction(() => document.body.dataset.state === "online" && document.querySelectorAll("#people li").length === 2)));
  await sees(b, "written while there was nobody to send it to");
  await say(b, "we are back");
  await sees(a, "we are back");
}, { within: 60_000 });

check("who closes the window is seen leaving", async () => {
  await b.context().close();
  await sees(a, "Joris left");
});

check("a phone", async () => {
  await a.setViewportSize({ width: 390, height: 800 });
  await a.waitForTimeout(300);
  await shot(a, "6-phone");
  await a.click("#open-side");
  await a.waitForTimeout(400);
  await shot(a, "7-phone-side");
  await a.click("#shade", { position: { x: 380, y: 400 } });
  await a.click("#open-stats");
  await a.waitForTimeout(400);
  await shot(a, "8-phone-panel");
  const width = await a.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} px wide`);
});

check("no error in any console", async () => assert.deepEqual(complaints, []));

/** A PNG of a dune: a picture without a file. */
function dunes(width, height) {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sand = y > height * (0.62 + 0.14 * Math.sin(x / width * 5) - 0.06 * Math.sin(x / width * 13));
      const t = y / height;
      const sky = [247 - 40 * t, 217 - 110 * t, 181 - 110 * t];
      const near = y > height * (0.8 + 0.08 * Math.sin(2 + x / width * 6)) ? [110, 48, 40] : [156, 74, 48];
      const sun = Math.hypot(x - width * 0.72, y - height * 0.33) < height * 0.13 ? [255, 243, 220] : sky;
      (sand ? near : sun).forEach((v, i) => { rows[y * (width * 3 + 1) + 1 + x * 3 + i] = v; });
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}
