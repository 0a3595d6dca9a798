// The messages of the room one is in: rows, pictures, system lines.

const $ = (id) => document.getElementById(id);
const box = $("log"), list = $("log-in");
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const MAX_ROWS = 400;

let lastFrom = null; // who wrote the last row, and when: neighbours are drawn as one block
let lastAt = 0;
let objectURLs = [];

/** A colour for a name, the same in every browser. */
export function hue(name) {
  let h = 7;
  for (const c of name) h = (h * 31 + c.codePointAt(0)) >>> 0;
  return (h * 47) % 360;
}

export function initials(name) {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? "?")][0] ?? "?";
  const second = words.length > 1 ? [...words.at(-1)][0] : "";
  return (first + second).toUpperCase();
}

export function avatar(name) {
  const a = element("span", "avatar", initials(name));
  a.style.setProperty("--h", hue(name));
  a.setAttribute("aria-hidden", "true");
  return a;
}

export function element(tag, className = "", text = "") {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text) e.textContent = text;
  return e;
}

export function clear() {
  list.replaceChildren();
  objectURLs.forEach(URL.revokeObjectURL);
  objectURLs = [];
  lastFrom = null;
}

/** A line that nobody wrote: somebody came in, the room changed. */
export function system(text) {
  const line = element("p", "system");
  line.append(element("span", "", text));
  lastFrom = null;
  put(line);
}

/** One message. Returns its row, so that the sender can mark it as waiting, sent or failed. */
export function message({ from, text, at }, mine) {
  const bubble = element("div", "bubble", text);
  return row(from, at, mine, bubble);
}

/** One picture, given as the bytes that came over the wire. */
export function picture({ from, name, type, at }, bytes, mine) {
  const figure = element("figure", "bubble picture");
  const img = element("img");
  img.alt = name;
  img.src = URL.createObjectURL(new Blob([bytes], { type }));
  objectURLs.push(img.src);
  img.onload = () => stick(true);
  img.onclick = () => { $("viewer-img").src = img.src; $("viewer").showModal(); };
  figure.append(img, element("figcaption", "", `${name} · ${kilobytes(bytes.byteLength)}`));
  return row(from, at, mine, figure);
}

function row(from, at, mine, content) {
  const r = element("article", "row");
  if (mine) r.classList.add("mine");
  if (lastFrom === from.id && at - lastAt < 180_000) r.classList.add("next");
  lastFrom = from.id;
  lastAt = at;
  const who = element("p", "who");
  who.append(element("b", "", from.name), clock.format(at));
  r.append(avatar(from.name), who, content);
  if (mine) {
    list.querySelectorAll(".last").forEach((e) => e.classList.remove("last"));
    r.classList.add("last", "waiting");
    r.append(element("p", "tick", "Sending"));
  }
  put(r);
  return r;
}

/** Marks a row of one's own: the server has it, or said why not. */
export function settle(r, error) {
  r.classList.remove("waiting");
  r.classList.toggle("failed", Boolean(error));
  r.querySelector(".tick").textContent = error ? `Not sent: ${error}` : "Sent";
}

function put(node) {
  const follow = atBottom() || node.classList.contains("mine");
  list.append(node);
  while (list.childElementCount > MAX_ROWS) list.firstElementChild.remove();
  stick(follow);
}

function atBottom() { return box.scrollHeight - box.scrollTop - box.clientHeight < 160; }
function stick(yes) { if (yes) box.scrollTop = box.scrollHeight; }
function kilobytes(n) { return n < 1000 ? `${n} bytes` : `${(n / 1000).toFixed(n < 10_000 ? 1 : 0)} kB`; }

// A window that gets lower, or a keyboard that opens, must not hide the newest message.
let wasAtBottom = true;
box.addEventListener("scroll", () => { wasAtBottom = atBottom(); }, { passive: true });
new ResizeObserver(() => stick(wasAtBottom)).observe(box);

$("viewer").onclick = () => $("viewer").close();
