// The chat itself: what is sent, what comes in, and what the page shows of it.
// The server's side of every event here is in chat.go.

import * as log from "./log.js";
import * as panel from "./panel.js";

const $ = (id) => document.getElementById(id);
const MAX_IMAGE = 900_000; // bytes; the server takes packets of up to 1 MB
const TYPING_EVERY = 2_000; // ms between two "I am typing"
const TYPING_ENDS = 3_500; // ms without one after which it is forgotten

let me = null; // {id, name} as the server knows us, null before the first join
let name = "";
let room = "";
let joined = false; // the server has us in `room` on this connection
let seen = new Set(); // ids of the messages on the screen: a rejoin shows only what was missed
const outbox = []; // what was written while there was no connection
const typists = new Map(); // id -> {name, timer}
let lastTyping = 0; // when we last said that we are typing
let bannerTimer; // hides "Back again"

if (!window.io) {
  fail("The Socket.IO client could not be loaded.");
  throw new Error("no socket.io client");
}

const path = document.body.dataset.path;
const socket = io({ path, autoConnect: false });
const counters = io("/stats", { path }).connect();

// ---- coming in ----

$("name").value = sessionStorage.name ?? suggestion();
$("room").value = sessionStorage.room ?? "lobby";
$("name").select();
state("connecting");

$("join").addEventListener("submit", (e) => {
  e.preventDefault();
  $("gate-error").hidden = true;
  name = $("name").value.trim();
  room = tidy($("room").value);
  if (!name || !room) return;
  $("join").querySelector("button").disabled = true;
  if (socket.connected) enter(room);
  else socket.connect();
});

socket.on("connect", () => enter(room));

function enter(wanted) {
  const fresh = !me || wanted !== room;
  socket.timeout(8_000).emit("join", { name, room: wanted }, (timeout, r) => {
    $("join").querySelector("button").disabled = false;
    if (timeout || r.error) {
      fail(timeout ? "The server did not answer." : r.error);
      return;
    }
    ({ you: me, room } = r);
    name = me.name;
    joined = true;
    sessionStorage.name = name;
    sessionStorage.room = room;
    opened(r, fresh);
  });
}

function opened(r, fresh) {
  $("gate").classList.add("gone");
  $("app").inert = false;
  state("online");
  if (fresh) {
    log.clear();
    seen = new Set();
  }
  for (const m of r.history) if (!seen.has(m.id)) incoming(m);
  if (fresh) log.system(`You are in #${room}`);
  rooms(r.rooms);
  people(r.members);
  $("room-title").textContent = room;
  document.title = `#${room} · Sirocco chat`;
  $("my-avatar").replaceWith(Object.assign(log.avatar(name), { id: "my-avatar" }));
  $("my-name").textContent = name;
  outbox.splice(0).forEach(send);
  if (fresh) $("text").focus();
}

function fail(text) {
  $("gate-error").textContent = text;
  $("gate-error").hidden = false;
  if (me) log.system(text);
}

// ---- what comes in ----

socket.on("message", (m) => { forgetTypist(m.from.id); incoming(m); });
socket.on("image", (m, bytes) => { seen.add(m.id); log.picture(m, bytes, false); });

function incoming(m) {
  seen.add(m.id);
  const mine = m.from.id === me.id;
  const r = log.message(m, mine);
  if (mine) log.settle(r);
}

socket.on("presence", (p) => {
  if (p.room !== room) return;
  people(p.members);
  if (p.joined && p.joined.id !== me?.id) log.system(`${p.joined.name} came in`);
  if (p.left) {
    forgetTypist(p.left.id);
    log.system(`${p.left.name} left`);
  }
});

socket.on("rooms", rooms);

socket.on("typing", ({ id, name }) => {
  clearTimeout(typists.get(id)?.timer);
  typists.set(id, { name, timer: setTimeout(forgetTypist, TYPING_ENDS, id) });
  drawTypists();
});

function forgetTypist(id) {
  clearTimeout(typists.get(id)?.timer);
  if (typists.delete(id)) drawTypists();
}

function drawTypists() {
  const names = [...typists.values()].map((t) => t.name);
  $("typing").replaceChildren();
  if (!names.length) return;
  const dots = log.element("span", "dots");
  dots.append(log.element("i"), log.element("i"), log.element("i"));
  const who = names.length > 3 ? "Several people are" : new Intl.ListFormat("en").format(names) + (names.length > 1 ? " are" : " is");
  $("typing").append(dots, `${who} typing`);
}

function rooms(list) {
  $("rooms").replaceChildren(...list.map(({ name, count }) => {
    const li = log.element("li", name === room ? "here" : "");
    const b = log.element("button");
    b.type = "button";
    b.dataset.room = name;
    b.append(log.element("span", "name", name));
    if (count) b.append(log.element("span", "count", String(count)));
    b.onclick = () => { closeDrawers(); if (name !== room) enter(name); };
    li.append(b);
    return li;
  }));
}

function people(members) {
  $("people-count").textContent = members.length;
  $("room-sub").textContent = members.length === 1 ? "Only you are here. Open this page in a second tab." : `${members.length} people here`;
  const kept = new Map([...$("people").children].map((li) => [li.dataset.id, li]));
  $("people").replaceChildren(...members.map((m) => kept.get(m.id) ?? person(m)));
}

function person({ id, name }) {
  const li = log.element("li");
  li.dataset.id = id;
  li.append(log.avatar(name), log.element("span", "name", name));
  if (id === me.id) li.append(log.element("span", "you", "you"));
  return li;
}

// ---- what goes out ----

function send(item) {
  if (!joined) {
    outbox.push(item);
    return;
  }
  const done = (timeout, r) => {
    if (r?.id) seen.add(r.id);
    log.settle(item.row, timeout ? "no answer" : r.error);
  };
  if (item.bytes) socket.timeout(20_000).emit("image", { name: item.name, type: item.type }, item.bytes, done);
  else socket.timeout(20_000).emit("message", { text: item.text }, done);
}

$("composer").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = $("text").value.trim();
  if (!text || !me) return;
  $("text").value = "";
  lastTyping = 0;
  send({ text, row: log.message({ from: me, text, at: Date.now() }, true) });
});

$("text").addEventListener("input", () => {
  if (!joined || !$("text").value || Date.now() - lastTyping < TYPING_EVERY) return;
  lastTyping = Date.now();
  socket.volatile.emit("typing");
});
$("text").addEventListener("keydown", (e) => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
    e.preventDefault();
    $("composer").requestSubmit();
  }
});

$("file").addEventListener("change", () => { sendFiles($("file").files); $("file").value = ""; });
document.addEventListener("paste", (e) => sendFiles(e.clipboardData.files));
document.addEventListener("dragover", (e) => { e.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) document.body.classList.remove("dropping"); });
document.addEventListener("drop", (e) => {
  e.preventDefault();
  document.body.classList.remove("dropping");
  sendFiles(e.dataTransfer.files);
});

async function sendFiles(files) {
  for (const file of files) {
    if (!me || !file.type.startsWith("image/")) continue;
    try {
      const small = await shrink(file);
      const bytes = await small.arrayBuffer();
      const meta = { name: file.name || "image", type: small.type };
      send({ ...meta, bytes, row: log.picture({ from: me, at: Date.now(), ...meta }, bytes, true) });
    } catch {
      log.system(`${file.name} could not be read as an image`);
    }
  }
}

/** Redraws a picture that is too large to send, smaller each time until it fits. */
async function shrink(file) {
  if (file.size <= MAX_IMAGE) return file;
  const bitmap = await createImageBitmap(file);
  for (let edge = 1600; edge >= 400; edge *= 0.75) {
    const scale = Math.min(1, edge / Math.max(bitmap.width, bitmap.height));
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.85 });
    if (blob.size <= MAX_IMAGE) return blob;
  }
  throw new Error("too large");
}

$("new-room").addEventListener("submit", (e) => {
  e.preventDefault();
  const wanted = tidy($("new-room-name").value);
  $("new-room-name").value = "";
  closeDrawers();
  if (wanted && wanted !== room) enter(wanted);
});

// ---- the connection ----

socket.on("disconnect", (reason) => {
  joined = false;
  typists.forEach((_, id) => forgetTypist(id));
  state("lost", reason);
  if (reason === "io server disconnect") socket.connect(); // the client does not do this by itself
});
socket.io.on("reconnect_attempt", (n) => state("lost", "", n));
socket.on("connect_error", (e) => { if (!me) fail(`No connection: ${e.message}`); });

function state(s, reason = "", attempt = 0) {
  const before = document.body.dataset.state;
  document.body.dataset.state = s;
  const banner = $("banner");
  clearTimeout(bannerTimer);
  if (s === "lost") {
    banner.className = "banner";
    $("banner-text").textContent = attempt ? `No connection. Trying again (${attempt})` : "Connection lost. Trying again";
    banner.hidden = false;
    $("my-state").textContent = reason ? `offline: ${reason}` : "offline";
  } else if (s === "online") {
    $("my-state").textContent = `online by ${transport()}`;
    if (before === "lost") {
      banner.className = "banner good";
      $("banner-text").textContent = "Back again";
      banner.hidden = false;
      bannerTimer = setTimeout(() => { banner.hidden = true; }, 2_200);
    } else banner.hidden = true;
  }
}

function transport() { return socket.io.engine?.transport?.name ?? "?"; }

socket.io.on("open", () => socket.io.engine.on("upgrade", () => {
  if (joined) $("my-state").textContent = `online by ${transport()}`;
  panel.fact("Transport", transport());
}));

// ---- the panel ----

counters.on("stats", (s) => {
  panel.show(s);
  panel.fact("Transport", transport());
  const from = performance.now();
  counters.timeout(900).emit("rtt", (timeout) => {
    if (!timeout) panel.fact("Round trip", `${(performance.now() - from).toFixed(1)} ms`);
  });
});

// ---- drawers, theme, names ----

function closeDrawers() { $("app").classList.remove("show-side", "show-stats"); }
$("open-side").onclick = () => $("app").classList.add("show-side");
$("open-stats").onclick = () => $("app").classList.add("show-stats");
$("shade").onclick = closeDrawers;
addEventListener("keydown", (e) => { if (e.key === "Escape") closeDrawers(); });

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = (t) => { document.documentElement.style.colorScheme = t ?? "light dark"; };
theme(localStorage.theme);
$("theme").onclick = () => {
  const now = localStorage.theme ?? (dark.matches ? "dark" : "light");
  theme((localStorage.theme = now === "dark" ? "light" : "dark"));
};

function tidy(r) { return r.trim().toLowerCase().replace(/^#+/, "").replace(/\s+/g, "-").slice(0, 24); }

function suggestion() {
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  return `${pick(["Amber", "Sandy", "Swift", "Quiet", "Golden", "Bright", "Gentle", "Merry"])} ${pick(["Fennec", "Falcon", "Gecko", "Oryx", "Caracal", "Jerboa", "Ibex", "Lark"])}`;
}
