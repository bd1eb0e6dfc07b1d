// The table of all that has passed, and the closer look at one row.

import { element, fromHex, hexDump } from "./bytes.js";
import { bitLayout } from "./layout.js";

const ARROWS = { sent: "→", received: "←", note: "•" };
const MAX_ENTRIES = 2000; // older ones are dropped
const byId = id => document.getElementById(id);
const milliseconds = (time, mode) => (time === undefined ? "" : time.toFixed(mode === "wire" ? 3 : 1));

export class Log {
  #entries = []; #unshown = []; #rows = byId("rows"); #number = 0; #waiting = new Set(); #last = {}; #selected; #pinned = true;

  constructor() {
    const scroll = byId("scroll");
    scroll.addEventListener("scroll", () => { this.#pinned = isAtEnd(scroll); });
    new ResizeObserver(() => this.#follow()).observe(scroll);
    // Pressing the button on a row focuses it, which is enough: the rows may have moved when the button is let go.
    this.#rows.addEventListener("focusin", event => this.#select(event.target.closest("tr")));
    this.#rows.addEventListener("keydown", event => this.#move(event));
    byId("clear").addEventListener("click", () => this.clear());
    byId("export").addEventListener("click", () => this.#export());
  }

  // Takes an entry: mode, kind, direction, text, and what is known of time, frame and payload.
  add(entry) {
    entry.number = ++this.#number;
    const isFirst = entry.kind === "handshake" && (entry.direction === "sent" || entry.mode === "browser");
    if (entry.time !== undefined) {
      const last = this.#last[entry.mode];
      entry.delta = last === undefined || isFirst ? undefined : entry.time - last;
      this.#last[entry.mode] = entry.time;
    }
    this.#entries.push(entry);
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift();
    if (!this.#unshown.length) requestAnimationFrame(() => this.#showNew());
    this.#unshown.push(entry);
    if (entry.kind === "error") byId("alert").textContent = entry.text; // read aloud
    for (const waiter of [...this.#waiting]) waiter(entry);
  }

  // Resolves with the first entry from number `from` on that the predicate likes; rejects after some seconds.
  next(predicate, from = this.#number + 1, seconds = 6) {
    const found = this.#entries.find(entry => entry.number >= from && predicate(entry));
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const done = () => { clearTimeout(timer); this.#waiting.delete(look); };
      const look = entry => { if (predicate(entry)) { done(); resolve(entry); } };
      const timer = setTimeout(() => { done(); reject(new Error("what was expected did not come")); }, seconds * 1000);
      this.#waiting.add(look);
    });
  }

  // The number of the newest entry.
  get position() { return this.#number; }

  since(number) { return this.#entries.filter(entry => entry.number > number); }

  clear() {
    this.#entries = [];
    this.#unshown = [];
    this.#rows.replaceChildren();
    this.#select(null);
    this.#count();
  }

  // Shows what has come since the last time that the browser painted: thousands of rows one by one would take long.
  #showNew() {
    const rows = this.#unshown.slice(-MAX_ENTRIES).map(entry => this.#row(entry));
    this.#unshown = [];
    this.#rows.append(...rows);
    while (this.#rows.childElementCount > MAX_ENTRIES) this.#rows.firstElementChild.remove();
    if (!this.#rows.querySelector("[tabindex='0']")) this.#rows.firstElementChild?.setAttribute("tabindex", "0");
    this.#count();
    this.#follow();
  }

  // Keeps the end in view for those who have not scrolled away from it.
  #follow() {
    if (this.#pinned) byId("scroll").scrollTop = byId("scroll").scrollHeight;
  }

  #count() {
    const frames = this.#entries.filter(({ mode, header }) => mode === "wire" && header !== undefined).length;
    const messages = this.#entries.filter(({ mode, hex }) => mode === "browser" && hex !== undefined).length;
    const words = (count, word) => (count ? [`${count} ${word}${count === 1 ? "" : "s"}`] : []);
    byId("count").textContent = [...words(frames, "frame"), ...words(messages, "message")].join(", ");
    byId("table").hidden = !(byId("empty").hidden = this.#entries.length > 0);
    byId("clear").disabled = byId("export").disabled = !this.#entries.length;
  }

  #row(entry) {
    const row = element("tr", {
      tabIndex: -1, aria: { selected: "false" },
      data: { kind: entry.kind, direction: entry.direction, number: entry.number },
    });
    const delta = entry.mode === "browser" && entry.roundTrip !== undefined ? `⟲ ${entry.roundTrip.toFixed(1)}` : milliseconds(entry.delta, entry.mode);
    row.append(
      element("td", { className: "number", textContent: entry.number }),
      element("td", { className: "time", textContent: milliseconds(entry.time, entry.mode) }),
      element("td", { className: "delta", textContent: delta }),
      element("td", { className: "kind" }, element("span", { className: "arrow", textContent: ARROWS[entry.direction], title: entry.direction,
        aria: { role: "img", label: entry.direction } }), kindOf(entry)),
      this.#flags(entry), this.#bytes(entry),
      element("td", { className: `payload${entry.hex === undefined ? " words" : ""}`, textContent: preview(entry) }),
    );
    return row;
  }

  #flags(entry) {
    const cell = element("td", { className: "flags" });
    if (entry.header === undefined) return cell;
    const flags = { FIN: entry.fin, RSV1: entry.rsv & 4, RSV2: entry.rsv & 2, RSV3: entry.rsv & 1, MASK: entry.masked };
    for (const [name, on] of Object.entries(flags)) {
      if (on || !/RSV[23]/.test(name)) cell.append(element("span", { className: `flag${on ? " on" : ""}`, textContent: name, title: `${name} is ${on ? 1 : 0}`,
        aria: { hidden: String(!on) } }));
    }
    return cell;
  }

  #bytes(entry) {
    const cell = element("td", { className: "bytes" });
    const { wireLength, length } = entry;
    if (wireLength === undefined) {
      cell.textContent = length ?? "";
    } else if (entry.rsv & 4 || wireLength !== length) {
      cell.textContent = length === null ? `${wireLength}` : `${wireLength} of ${length}`;
      const share = element("i");
      share.style.width = `${length ? Math.min(100, (100 * wireLength) / length) : 100}%`;
      cell.append(element("span", { className: "bar" }, share));
    } else {
      cell.textContent = wireLength;
    }
    return cell;
  }

  #move(event) {
    const row = event.target.closest("tr");
    const page = 10, all = [...this.#rows.children], at = all.indexOf(row);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1, PageUp: at - page, PageDown: at + page }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, to))].focus();
  }

  #select(row) {
    if (row && row === this.#selected) return;
    this.#selected?.setAttribute("aria-selected", "false");
    this.#selected = row;
    byId("detail").hidden = !row;
    if (!row) return;
    for (const other of this.#rows.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    row.tabIndex = 0;
    row.setAttribute("aria-selected", "true");
    this.#show(this.#entries.find(({ number }) => number === Number(row.dataset.number)));
    row.scrollIntoView({ block: "nearest" });
    this.#pinned = isAtEnd(byId("scroll"));
  }

  #show(entry) {
    byId("detail").dataset.kind = entry.kind;
    byId("detail-title").textContent = `${entry.number} · ${kindOf(entry)}${entry.direction === "note" ? "" : `, ${entry.direction}`}`;
    const body = byId("detail-body");
    body.replaceChildren(facts(entry));
    if (entry.header !== undefined) body.append(bitLayout(entry));
    if (entry.raw !== undefined) body.append(element("pre", { className: "wrap", textContent: entry.raw.trimEnd() }));
    else if (entry.hex !== undefined) {
      const bytes = fromHex(entry.hex);
      const cut = bytes.length < (entry.length ?? entry.wireLength) ? `, the first ${bytes.length} bytes` : "";
      const hex = element("pre", { textContent: hexDump(bytes) || "(empty)", tabIndex: 0, aria: { label: "Payload in hexadecimal" } });
      const text = element("pre", { className: "wrap", textContent: visible(entry.text) || "(empty)", tabIndex: 0, aria: { label: "Payload as text" } });
      body.append(element("div", { className: "payloads" },
        element("div", {}, element("h3", { textContent: `Payload as text${cut}` }), text),
        element("div", {}, element("h3", { textContent: `Payload in hexadecimal${cut}` }), hex)));
    } else body.append(element("p", { textContent: entry.text }));
  }

  #export() {
    const file = new Blob([JSON.stringify(this.#entries, null, 2)], { type: "application/json" });
    const link = element("a", { href: URL.createObjectURL(file), download: "wsserve-playground.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

const isAtEnd = scroll => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 30;

function kindOf({ kind, opcode, mode, direction, status }) {
  if (kind === "reserved") return `opcode ${opcode}`;
  if (kind === "handshake" && mode === "wire") return direction === "sent" ? "request" : `HTTP ${status}`;
  return kind === "handshake" ? "open" : kind;
}

function preview({ kind, closeCode, text, mode }) {
  const shown = kind === "close" && mode === "wire" && closeCode !== undefined ? `${closeCode} ${text}` : text;
  return visible(shown.length > 300 ? `${shown.slice(0, 300)}…` : shown, /[\x00-\x1f\x7f]/g);
}

// Control characters as the pictures that Unicode has of them.
function visible(text, which = /[\x00-\x08\x0b-\x1f\x7f]/g) {
  return text.replace(which, character => String.fromCharCode(character === "\x7f" ? 0x2421 : 0x2400 + character.charCodeAt()));
}

function facts(entry) {
  const list = element("dl", { className: "facts" });
  const known = {
    "Time": entry.time === undefined ? undefined : `${milliseconds(entry.time, entry.mode)} ms`,
    "Round trip": entry.roundTrip === undefined ? undefined : `${entry.roundTrip.toFixed(1)} ms`,
    "Over": entry.transport,
    "Header": entry.header === undefined ? undefined : `${entry.header.length / 2} bytes`,
    "Payload on the wire": entry.wireLength === undefined ? undefined : `${entry.wireLength} bytes`,
    "Inflated": entry.rsv & 4 || (entry.header !== undefined && entry.length !== entry.wireLength) ? (entry.length === null ? "not deflate data" : `${entry.length} bytes`) : undefined,
    "Bytes": entry.wireLength === undefined && entry.hex !== undefined ? entry.length : undefined,
    "Close code": entry.closeCode ?? undefined,
    "Sec-WebSocket-Accept": entry.keyAccepted === undefined || entry.status !== 101 ? undefined : entry.keyAccepted ? "right" : "wrong",
    "Subprotocol": entry.subprotocol || undefined,
    "Extensions": entry.extensions || undefined,
  };
  for (const [name, value] of Object.entries(known)) {
    if (value !== undefined) list.append(element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value })));
  }
  return list;
}
