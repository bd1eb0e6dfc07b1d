// One client for the end-to-end tests: a page's own WebSocket object. Takes the steps on a new connection and returns what was seen.
// The steps are explained in tests/end_to_end/clients.py.
async ({ url, subprotocols, steps }) => {
  const seen = { opened: false, subprotocol: null, extensions: "", messages: [], close: null, status: null, headers: null, body: null };
  const waiting = [];
  const unread = [];
  const wake = () => waiting.splice(0).forEach((resume) => resume());
  const until = async (condition) => {
    while (!condition()) await new Promise((resume) => waiting.push(resume));
  };
  const toHex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

  const socket = new WebSocket(url, subprotocols);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    Object.assign(seen, { opened: true, subprotocol: socket.protocol || null, extensions: socket.extensions });
    wake();
  };
  socket.onmessage = ({ data }) => {
    unread.push(typeof data === "string" ? { text: data } : { hex: toHex(data) });
    wake();
  };
  socket.onclose = ({ code, reason }) => {
    seen.close = [code, reason];
    wake();
  };

  await until(() => seen.opened || seen.close);
  for (const step of seen.opened ? steps : []) {
    if (step.do === "send_text") socket.send(step.data);
    else if (step.do === "send_bytes") socket.send(fromHex(step.hex));
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
  seen.messages.push(...unread);
  socket.close();
  return seen;
};
