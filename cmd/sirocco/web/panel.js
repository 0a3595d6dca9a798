// The panel of live counters: six tiles with a minute of history each, and a few facts.

import { element } from "./log.js";

const SAMPLES = 60;
const whole = new Intl.NumberFormat();
const tiles = {};

const layout = [
  { key: "sockets", label: "Sockets", wide: true },
  { key: "rooms", label: "Rooms" },
  { key: "lag", label: "Loop lag" },
  { key: "events", label: "Events in /s" },
  { key: "deliveries", label: "Deliveries /s" },
  { key: "memory", label: "Memory per socket", wide: true },
];

for (const { key, label, wide } of layout) {
  const root = element("div", wide ? "tile wide" : "tile");
  root.dataset.key = key;
  const value = element("div", "value", "–");
  const note = element("div", "note");
  const title = element("div", "label", label);
  root.append(title, value, note);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${SAMPLES - 1} 30`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.innerHTML = '<path class="area"/><path class="line" vector-effect="non-scaling-stroke"/>';
  root.append(svg);
  document.getElementById("tiles").append(root);
  tiles[key] = { title, value, note, svg, history: [] };
}

/** Draws one sample of the server's counters. */
export function show(s) {
  const peak = Math.max(...tiles.sockets.history.filter(Number.isFinite), s.sockets);
  set("sockets", s.sockets, whole.format(s.sockets), "", `${whole.format(peak)} at most in this minute · ${s.goroutines} goroutines`);
  set("rooms", s.rooms, whole.format(s.rooms));
  set("lag", s.lagMicros, ...duration(s.lagMicros));
  set("events", s.events, short(s.events));
  set("deliveries", s.deliveries, short(s.deliveries));
  tiles.memory.title.textContent = s.memoryPerSocket > 0 ? "Memory per socket" : "Memory of the process";
  if (s.memoryPerSocket > 0) {
    set("memory", s.memoryPerSocket, ...bytes(s.memoryPerSocket), `growth over ${whole.format(s.sockets)} sockets · process ${bytes(s.memory).join(" ")}`);
  } else {
    set("memory", s.memory, ...bytes(s.memory), `per socket: from ${whole.format(s.memoryFrom)} sockets on`);
  }
  facts(s);
  const beat = document.getElementById("beat");
  beat.classList.remove("on");
  void beat.offsetWidth; // restarts the animation
  beat.classList.add("on");
}

function set(key, number, text, unit = "", note = "") {
  const t = tiles[key];
  t.value.textContent = text;
  if (unit) t.value.append(element("small", "", unit));
  t.note.textContent = note;
  t.history.push(number);
  if (t.history.length > SAMPLES) t.history.shift();
  draw(t);
}

function draw({ svg, history }) {
  const top = Math.max(...history, 1e-9) * 1.15;
  const start = SAMPLES - history.length;
  const points = history.map((v, i) => `${start + i},${(28 - 24 * (v / top)).toFixed(2)}`);
  const line = "M" + points.join("L");
  svg.querySelector(".line").setAttribute("d", line);
  svg.querySelector(".area").setAttribute("d", `${line}V30H${start}Z`);
}

const known = new Map();

/** Sets one line of the list of facts below the tiles. */
export function fact(name, value) {
  if (!known.has(name)) {
    const dd = element("dd");
    document.getElementById("facts").append(element("dt", "", name), dd);
    known.set(name, dd);
  }
  known.get(name).textContent = value;
}

function facts(s) {
  fact("Reactor", `${s.backend} · ${s.loops} ${s.loops === 1 ? "loop" : "loops"}`);
  fact("Up for", span(s.uptime));
  fact("Traffic", `${bytes(s.bytesOut).join(" ")} out, ${bytes(s.bytesIn).join(" ")} in`);
}

function short(n) {
  if (n >= 1e6) return (n / 1e6).toFixed(2) + " M";
  if (n >= 1e4) return (n / 1e3).toFixed(1) + " k";
  return n >= 100 || Number.isInteger(n) ? whole.format(Math.round(n)) : n.toFixed(1);
}

function bytes(n) {
  if (n >= 1e9) return [(n / 1e9).toFixed(2), "GB"];
  if (n >= 1e6) return [(n / 1e6).toFixed(1), "MB"];
  if (n >= 1e4) return [(n / 1e3).toFixed(1), "kB"];
  return [whole.format(Math.round(n)), "bytes"];
}

function duration(us) { return us >= 1000 ? [(us / 1000).toFixed(1), "ms"] : [String(Math.round(us)), "µs"]; }

function span(s) {
  const h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60);
  return h ? `${h} h ${m} min` : m ? `${m} min ${Math.floor(s % 60)} s` : `${Math.floor(s)} s`;
}
