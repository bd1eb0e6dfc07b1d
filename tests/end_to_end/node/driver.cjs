// One client for the end-to-end tests: the ws package. Each line of standard input is one connection to make and the steps to take on it,
// as JSON; each line of standard output tells, as JSON, what was seen. The steps are explained in tests/end_to_end/clients.py.
"use strict";

const readline = require("node:readline");
const WebSocket = require("ws");

function observe(url, subprotocols, headers) {
  const seen = { opened: false, subprotocol: null, extensions: "", messages: [], close: null, status: null, headers: null, body: null };
  const waiting = [];
  const unread = [];
  const socket = new WebSocket(url, subprotocols, { headers, handshakeTimeout: 10000 });
  const wake = () => waiting.splice(0).forEach((resume) => resume());
  socket.on("upgrade", (response) => {
    seen.status = response.statusCode;
    seen.headers = response.rawHeaders;
  });
  socket.on("open", () => {
    Object.assign(seen, { opened: true, subprotocol: socket.protocol || null, extensions: socket.extensions });
    wake();
  });
  socket.on("message", (data, isBinary) => {
    unread.push(isBinary ? { hex: data.toString("hex") } : { text: data.toString("utf8") });
    wake();
  });
  socket.on("unexpected-response", (_request, response) => {
    seen.status = response.statusCode;
    seen.headers = response.rawHeaders;
    const body = [];
    response.on("data", (chunk) => body.push(chunk));
    response.on("end", () => {
      seen.body = Buffer.concat(body).toString("utf8");
      seen.close = [1006, ""];
      wake();
    });
  });
  socket.on("error", () => {}); // "close" follows, and says what there is to say
  socket.on("close", (code, reason) => {
    seen.close = [code, reason.toString("utf8")];
    wake();
  });
  const until = async (condition) => {
    while (!condition()) await new Promise((resume) => waiting.push(resume));
  };
  return { socket, seen, unread, until };
}

async function take(step, { socket, seen, unread, until }) {
  if (step.do === "send_text") socket.send(step.data);
  else if (step.do === "send_bytes") socket.send(Buffer.from(step.hex, "hex"));
  else if (step.do === "receive") {
    await until(() => unread.length > 0 || seen.close);
    if (unread.length > 0) seen.messages.push(unread.shift());
  } else if (step.do === "close") {
    if (step.code === null) socket.close();
    else socket.close(step.code, step.reason);
    await until(() => seen.close);
  } else if (step.do === "wait_closed") await until(() => seen.close);
  else throw new Error(`unknown step ${step.do}`);
}

async function run({ url, subprotocols, headers, steps }) {
  const connection = observe(url, subprotocols, headers);
  await connection.until(() => connection.seen.opened || connection.seen.close);
  for (const step of steps) {
    if (!connection.seen.opened) break;
    await take(step, connection);
  }
  connection.seen.messages.push(...connection.unread);
  connection.socket.terminate();
  return connection.seen;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await run(JSON.parse(line))) + "\n");
  }
})();
