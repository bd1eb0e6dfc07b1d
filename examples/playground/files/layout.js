// A frame's bits, drawn as RFC 6455 does in section 5.2: 32 to a row.

import { element, fromHex } from "./bytes.js";

const NAMES = { 0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };
const ROW = 32;

// Returns the fields of a frame's beginning: what each is called, how many bits it has, and what it says.
export function fieldsOf({ header, wire, wireLength }) {
  const bytes = fromHex(header);
  const [first, second] = bytes;
  const short = second & 0x7f, masked = second >> 7;
  const fields = [
    ...["FIN", "RSV1", "RSV2", "RSV3"].map((name, at) => ({ name, bits: 1, value: String((first >> (7 - at)) & 1), part: "bit" })),
    { name: NAMES[first & 15] ?? "reserved", bits: 4, value: String(first & 15), part: "opcode" },
    { name: "MASK", bits: 1, value: String(masked), part: "mask" },
    { name: "length", bits: 7, value: String(short), part: "length" },
  ];
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (extended) {
    const value = bytes.subarray(2, 2 + extended).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    fields.push({ name: "extended length", bits: extended * 8, value: String(value), part: "length" });
  }
  if (masked) fields.push({ name: "masking key", bits: 32, bytes: header.slice(-8), part: "key" });
  const used = fields.reduce((sum, { bits }) => sum + bits, 0) / 8;
  const shown = Math.min(wire.length / 2, (used > 6 ? 16 : 12) - used); // the rows that are begun, and one more
  if (shown) {
    const rest = wireLength > shown ? ` (${wireLength - shown} more)` : "";
    const name = `payload${masked ? ", masked" : ""}${first & 0x40 ? ", compressed" : ""}${rest}`;
    fields.push({ name, bits: shown * 8, bytes: wire.slice(0, shown * 2), part: "data" });
  }
  return fields;
}

export function bitLayout(entry) {
  const fields = fieldsOf(entry);
  const words = fields.map(({ name, value, bytes }) => `${name} ${value ?? spaced(bytes)}`).join(", ");
  const grid = element("div", { className: "bits", aria: { role: "img", label: `The frame's bits: ${words}` } });
  for (let bit = 0; bit < ROW; bit++) grid.append(element("span", { className: "tick", textContent: bit % 8 && bit !== 31 ? "·" : bit }));
  let column = 0;
  for (const field of fields) {
    let left = field.bits;
    for (let done = 0; left; column %= ROW) {
      const span = Math.min(left, ROW - column);
      grid.append(cell(field, span, done));
      [left, done, column] = [left - span, done + span, column + span];
    }
  }
  return element("div", { className: "bits-scroll", tabIndex: 0, aria: { role: "region", label: "Bit layout" } }, grid);
}

// One row's part of a field: its value where it begins, of a payload the bytes that are there.
function cell({ name, value, bytes, part, bits }, span, done) {
  const shown = bytes === undefined ? (done ? "…" : value) : spaced(bytes.slice(done / 4, (done + span) / 4));
  const made = element("div", { className: `field ${part}${bits === 1 ? " one" : ""}`, title: `${name}, ${bits} bits` },
    element("b", { textContent: shown }), element("span", { textContent: done ? `${name}, continued` : name }));
  made.style.gridColumn = `span ${span}`;
  return made;
}

export const spaced = hex => hex.replace(/..(?=.)/g, "$& ");
