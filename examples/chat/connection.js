// A member's place in a room, over a WebSocket that comes back by itself.

const FIRST_DELAY = 500, LONGEST_DELAY = 15000, STEADY = 5000, HANDSHAKE_TIMEOUT = 10000; // milliseconds
// Close codes after which the same would only happen again; the server's reason tells why.
const FINAL_CODES = new Set([1003, 1007, 1008, 1009, 4001]);

export class Connection {
  #pending = new Map(); // what was said and not confirmed, by id
  #attempts = 0;
  #socket = null;
  #timer = 0;
  #ready = false;
  #ended = false;

  // `onState` gets "connecting", "connected", "waiting" (with the delay in milliseconds) or "stopped" (with the
  // reason, after which nothing happens until `retry`); `onMessage` gets the server's messages.
  constructor(room, name, key, onState, onMessage) {
    Object.assign(this, { room, name, key, onState, onMessage });
    this.#connect();
  }

  // Say something, now or as soon as there is a connection, and return the message's id.
  say(text) {
    const id = randomKey();
    this.#pending.set(id, text);
    if (this.#ready) this.#send({ type: "say", text, id });
    return id;
  }

  // Send a message that is not worth anything later.
  sendNow(message) {
    if (this.#ready) this.#send(message);
    return this.#ready;
  }

  // Connect now, if it is not just being done.
  retry() {
    if (!this.#ended && !this.#socket) this.#connect();
  }

  // Connect now instead of in a while; it is no reason to come back from "stopped".
  hurry() {
    if (this.#timer) this.retry();
  }

  leave() {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  // The room's URL is relative to the page's; the server answers it over HTTP too.
  #url() {
    const url = new URL(`chat/${encodeURIComponent(this.room)}`, document.baseURI);
    url.search = new URLSearchParams({ name: this.name, key: this.key });
    return url;
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.onState("connecting");
    const url = this.#url();
    url.protocol = url.protocol.replace("http", "ws");
    const socket = this.#socket = new WebSocket(url);
    const timeout = setTimeout(() => socket.close(), HANDSHAKE_TIMEOUT);
    let opened = 0;
    socket.onopen = () => {
      clearTimeout(timeout);
      opened = Date.now();
    };
    socket.onmessage = ({ data }) => {
      if (!this.#ended) this.#receive(JSON.parse(data));
    };
    socket.onclose = async ({ code, reason }) => {
      clearTimeout(timeout);
      this.#ready = false;
      if (opened && Date.now() - opened > STEADY) this.#attempts = 0;
      const refusal = opened ? FINAL_CODES.has(code) && (reason || `The server closed with ${code}.`) : await this.#refusal();
      this.#socket = null;
      if (this.#ended) return;
      if (refusal) this.onState("stopped", refusal);
      else this.#wait();
    };
  }

  // A browser does not tell a page why a handshake failed, so ask for the reason over HTTP.
  async #refusal() {
    try {
      const response = await fetch(this.#url(), { signal: AbortSignal.timeout(HANDSHAKE_TIMEOUT) });
      if (response.status < 400 || response.status >= 500) return "";
      const type = response.headers.get("content-type") ?? "";
      const said = type.startsWith("text/plain") ? await response.text() : type.includes("json") ? (await response.json()).detail : "";
      return said.trim() || `The server refuses this name or room (${response.status}).`;
    } catch {
      return ""; // no connection at all: worth trying again
    }
  }

  // Exponential back-off with jitter, so that not everybody comes back in the same moment.
  #wait() {
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts++);
    const delay = longest * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.onState("waiting", delay);
  }

  #receive(message) {
    if (message.type === "welcome") {
      this.#ready = true;
      // What has arrived before the connection was lost is in the history: only the rest is sent again.
      for (const { id } of message.history) this.#pending.delete(id);
      for (const [id, text] of this.#pending) this.#send({ type: "say", text, id });
      this.onState("connected");
    } else if (message.type === "said") {
      this.#pending.delete(message.id);
    }
    this.onMessage(message);
  }
}

export function randomKey() { // crypto.randomUUID is missing where a page came over plain http
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}
