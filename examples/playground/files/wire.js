// A raw connection, which the server opens to itself; it does what this page says, and reports every frame.

import { toHex } from "./bytes.js";

const OPCODES = { 0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };
const MAX_PAYLOAD = 65536; // characters or bytes, as many as the server takes from this page

export class WireConnection {
  #control; #record; #changed; #opened;

  constructor(record, changed) {
    this.#record = record;
    this.#changed = changed;
  }

  // Resolves when the connection is open or has failed.
  async open({ target, subprotocols, compression, takeover, answer }) {
    this.#changed("connecting");
    try {
      await this.#controlConnection();
    } catch (error) {
      this.#error(error.message);
      this.#changed("closed");
      return false;
    }
    return new Promise(resolve => {
      this.#opened = resolve;
      this.#tell({ type: "connect", target, subprotocols, compression, context_takeover: takeover, answer });
    });
  }

  message({ text = "", bytes, fragmentSize = 0, compress = false, pingBetween = false, binary = bytes !== undefined }) {
    if ((bytes ?? text).length > MAX_PAYLOAD) return this.#error(`Wire sends up to ${MAX_PAYLOAD} characters or bytes; these are ${(bytes ?? text).length}.`);
    const payload = bytes === undefined ? { text } : { hex: toHex(bytes) };
    this.#tell({ type: "message", binary, compress, fragment_size: fragmentSize, ping_between: pingBetween, ...payload });
  }

  // One frame, right or wrong: opcode, fin, rsv, masked, text or bytes, announced.
  frame({ bytes, ...frame }) {
    this.#tell({ type: "frame", ...frame, ...(bytes === undefined ? {} : { hex: toHex(bytes) }) });
  }

  close(code, reason) {
    this.#tell({ type: "close", code, reason });
  }

  drop() {
    this.#tell({ type: "drop" });
  }

  #controlConnection() {
    if (this.#control?.readyState === WebSocket.OPEN) return Promise.resolve();
    const url = new URL("control", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const control = this.#control = new WebSocket(url);
    control.onmessage = ({ data }) => this.#report(JSON.parse(data));
    return new Promise((resolve, reject) => {
      let wasOpen = false;
      control.onopen = () => { wasOpen = true; resolve(); };
      control.onclose = ({ code, reason }) => {
        const text = `the control connection was closed: ${code} ${reason}`;
        if (!wasOpen) return reject(new Error(`Wire mode cannot reach the server: ${text}`));
        this.#error(`Wire mode has lost the server: ${text}`);
        this.#ended();
      };
    });
  }

  #tell(command) {
    if (this.#control?.readyState === WebSocket.OPEN) this.#control.send(JSON.stringify(command));
    else this.#error("There is no connection: connect first.");
  }

  #error(text) {
    this.#record({ mode: "wire", kind: "error", direction: "note", text });
  }

  #ended() {
    this.#opened?.(false);
    this.#opened = undefined;
    this.#changed("closed");
  }

  #report(report) {
    if (report.type === "handshake") this.#handshake(report);
    else if (report.type === "frame") this.#frame(report);
    else if (report.type === "error") this.#error(report.text);
    else {
      this.#record({ mode: "wire", kind: "end", direction: "note", time: report.time_us / 1000, text: report.text });
      this.#ended();
    }
  }

  #handshake(report) {
    const lines = report.response.split("\r\n");
    const agreed = [report.subprotocol && `subprotocol ${report.subprotocol}`, report.extensions].filter(Boolean).join(", ");
    this.#record({
      mode: "wire", kind: "handshake", direction: "sent", time: report.sent_us / 1000, transport: report.transport,
      text: report.request.split("\r\n")[0], raw: report.request, length: report.request.length,
    });
    this.#record({
      mode: "wire", kind: "handshake", direction: "received", time: report.time_us / 1000, transport: report.transport,
      text: `${lines[0]}${agreed ? ` — ${agreed}` : ""}`, raw: report.response, length: report.response.length, status: report.status,
      keyAccepted: report.key_accepted, subprotocol: report.subprotocol, extensions: report.extensions,
    });
    if (report.status !== 101) return; // its end is reported next
    this.#changed("open");
    this.#opened?.(true);
  }

  #frame(report) {
    const code = report.close_code;
    this.#record({
      mode: "wire", kind: OPCODES[report.opcode] ?? "reserved", direction: report.direction, time: report.time_us / 1000,
      opcode: report.opcode, fin: report.fin, rsv: report.rsv, masked: report.masked, header: report.header, wire: report.wire,
      wireLength: report.wire_length, length: report.length, text: report.text, hex: report.hex,
      ...(code === null ? {} : { closeCode: code }),
    });
  }
}
