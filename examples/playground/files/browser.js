// The browser's own WebSocket: messages, close code and reason, and what the handshake agreed on. It tells no more.

import { toHex, utf8 } from "./bytes.js";

const PREVIEW = 2048; // bytes of each payload that are shown

export class BrowserConnection {
  #socket; #start; #sent = []; #record; #changed;

  constructor(record, changed) {
    this.#record = record;
    this.#changed = changed;
  }

  // Resolves when the connection is open or has failed.
  open({ target, subprotocols }) {
    const url = new URL(target, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.#start = performance.now();
    this.#sent = [];
    this.#changed("connecting");
    return new Promise(resolve => {
      let socket;
      try {
        socket = this.#socket = new WebSocket(url, subprotocols);
      } catch (error) {
        this.#fail(error);
        this.#changed("closed");
        resolve(false);
        return;
      }
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        this.#note("handshake", "received", `${socket.protocol ? `subprotocol ${socket.protocol}` : "no subprotocol"}, ` +
          `${socket.extensions || "no extensions"}`, { url: String(url), subprotocol: socket.protocol, extensions: socket.extensions });
        this.#changed("open");
        resolve(true);
      };
      socket.onmessage = ({ data }) => this.#message("received", data, this.#sent.shift());
      socket.onclose = ({ code, reason, wasClean }) => {
        const text = code === 1006 ? "no Close came: the browser calls that 1006" : [code, reason].filter(Boolean).join(" ");
        this.#note("close", code === 1006 ? "note" : "received", text, { closeCode: code, reason, wasClean });
        this.#changed("closed");
        resolve(false);
      };
    });
  }

  // A message of text, or of bytes if it has some.
  message({ text, bytes }) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return this.#error("There is no connection: connect first.");
    this.#attempt(() => {
      const data = bytes ?? text;
      this.#message("sent", data);
      this.#sent.push(performance.now());
      this.#socket.send(data);
    });
  }

  close(code, reason) {
    if (!this.#socket || this.#socket.readyState === WebSocket.CLOSED) return this.#error("There is no connection: connect first.");
    this.#attempt(() => {
      code === null ? this.#socket.close() : this.#socket.close(code, reason);
      this.#note("close", "sent", [code ?? "no code", reason].join(" "), { closeCode: code, reason });
    });
  }

  drop() {
    this.#attempt(() => this.#socket.close());
  }

  #attempt(action) {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error) {
    this.#error(`${error.name}: ${error.message.replace(/^.*?: /, "")}`);
  }

  #error(text) {
    this.#record({ mode: "browser", kind: "error", direction: "note", text });
  }

  #now() {
    return performance.now() - this.#start;
  }

  #message(direction, data, sentAt) {
    const isText = typeof data === "string";
    const bytes = isText ? utf8(data) : new Uint8Array(data);
    this.#record({
      mode: "browser", kind: isText ? "text" : "binary", direction, time: this.#now(), length: bytes.length,
      roundTrip: sentAt === undefined ? undefined : performance.now() - sentAt,
      text: new TextDecoder().decode(bytes.subarray(0, PREVIEW)), hex: toHex(bytes.subarray(0, PREVIEW)),
    });
  }

  #note(kind, direction, text, more = {}) {
    this.#record({ mode: "browser", kind, direction, time: this.#now(), text, ...more });
  }
}
