// The browser's own WebSocket: messages, close code and reason, and what the handshake agreed on. It tells no more.

import { toHex, utf8 } from "./bytes.js";

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
        this.#note("close", "received", [code, reason, wasClean ? "" : "(not clean)"].filter(Boolean).join(" "), { closeCode: code, reason, wasClean });
        this.#changed("closed");
        resolve(false);
      };
    });
  }

  // A message of text, or of bytes if it has some.
  message({ text, bytes }) {
    this.#attempt(() => {
      const data = bytes ?? text;
      this.#sent.push(performance.now());
      this.#socket.send(data);
      this.#message("sent", data);
    });
  }

  close(code, reason) {
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
    this.#note("error", "note", `${error.name}: ${error.message.replace(/^.*?: /, "")}`);
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
      text: isText ? data : new TextDecoder().decode(bytes), hex: toHex(bytes.subarray(0, 2048)),
    });
  }

  #note(kind, direction, text, more = {}) {
    this.#record({ mode: "browser", kind, direction, time: this.#now(), text, ...more });
  }
}
