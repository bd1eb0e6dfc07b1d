// Ready-made experiments: what each does, what to expect by which section, and whether that came.

const plain = { target: "echo", compression: false, subprotocols: [] };
const received = kind => entry => entry.direction === "received" && entry.kind === kind;
const bytes = (...values) => Uint8Array.from(values);

// Sends what is forbidden, and wants the server to close with this code.
const refused = (code, send) => async tool => {
  await tool.connect("wire", plain);
  send(tool.wire);
  const close = await tool.next(received("close"));
  tool.check(close.closeCode === code, `The server closed with ${close.closeCode}: ${close.text}`);
};

export const RECIPES = [
  {
    title: "Fragments and a ping", rfc: "RFC 6455, sections 5.4 and 5.5",
    expect: "One text message goes out in frames of up to 12 bytes of payload, and a Ping between the first two. Control frames may stand between " +
      "fragments: the Pong comes back before the message is complete, and the echo is a single frame.",
    async run(tool) {
      await tool.connect("wire", plain);
      tool.wire.message({ text: "Fragments arrive as one message.", fragmentSize: 12, pingBetween: true });
      const echo = await tool.next(received("text"));
      const pong = tool.entries().find(received("pong"));
      tool.check(pong?.text === "in between" && pong.number < echo.number && echo.fin && echo.length === 32,
        "Pong first, then the whole message in one frame.");
    },
  },
  {
    title: "Ping", rfc: "RFC 6455, section 5.5.3",
    expect: "The Pong carries the Ping's payload, byte for byte. The server answers by itself: the endpoint is asleep.",
    async run(tool) {
      await tool.connect("wire", { ...plain, target: "slow?seconds=1" });
      tool.wire.message({ text: "This takes a second." });
      tool.wire.frame({ opcode: 9, text: "still there?" });
      const pong = await tool.next(received("pong"));
      tool.check(pong.text === "still there?" && !tool.entries().some(received("text")), "The Pong came at once, with the same payload.");
    },
  },
  {
    title: "Close with 1005", rfc: "RFC 6455, section 7.4.1",
    expect: "1005 stands for “no code was there”, so no frame may hold it. The server takes it for a broken protocol and closes with 1002.",
    run: refused(1002, wire => wire.close(1005, "")),
  },
  {
    title: "Invalid UTF-8", rfc: "RFC 6455, section 8.1",
    expect: "A text frame holds bytes that are no UTF-8: c3 28. The server closes with 1007.",
    run: refused(1007, wire => wire.message({ bytes: bytes(0x48, 0x69, 0xc3, 0x28), binary: false })),
  },
  {
    title: "Unmasked frame", rfc: "RFC 6455, section 5.1",
    expect: "Clients must mask every frame. This one is not masked, and the server closes with 1002.",
    run: refused(1002, wire => wire.frame({ opcode: 1, masked: false, text: "bare" })),
  },
  {
    title: "Reserved bit", rfc: "RFC 6455, section 5.2",
    expect: "RSV2 is 1, and no extension has given it a meaning. The server closes with 1002.",
    run: refused(1002, wire => wire.frame({ opcode: 1, rsv: 2, text: "reserved" })),
  },
  {
    title: "Two gigabytes", rfc: "RFC 6455, section 10.4",
    expect: "A frame's header announces 2 GiB. The server need not wait for them to refuse: it closes with 1009.",
    run: refused(1009, wire => wire.frame({ opcode: 2, announced: 2 ** 31, bytes: bytes(0) })),
  },
  {
    title: "Compressed JSON, 10 times", rfc: "RFC 7692, section 7.1.1",
    expect: "The same kind of JSON ten times, compressed. With context takeover each message may refer to those before it: watch the " +
      "bytes on the wire shrink after the first, in both directions. RSV1 marks each as compressed.",
    async run(tool) {
      await tool.connect("wire", { ...plain, target: "json/text", compression: true, takeover: true });
      for (let number = 1; number <= 10; number++) {
        const place = { city: "Reykjavík", temperature: number / 4, wind: { from: "north-north-east", metresPerSecond: 11 }, sky: "low clouds" };
        tool.wire.message({ text: JSON.stringify({ station: 4030, number, measured: [place] }), compress: true });
      }
      await tool.next(() => tool.entries().filter(received("text")).length === 10);
      const sizes = tool.entries().filter(received("text")).map(({ wireLength }) => wireLength);
      const all = tool.entries().filter(received("text")).every(({ rsv, wireLength, length }) => rsv === 4 && wireLength < length);
      tool.check(all && sizes[9] < sizes[0], `Bytes on the wire of the ten answers: ${sizes.join(", ")}.`);
    },
  },
  {
    title: "Subprotocol", rfc: "RFC 6455, sections 1.9 and 4.2.2",
    expect: "The browser offers “superchat”, which the endpoint does not know, and “reverse”, which it does. The answer names " +
      "“reverse”, and the echo comes backwards.",
    async run(tool) {
      await tool.connect("browser", { ...plain, subprotocols: ["superchat", "reverse"] });
      tool.browser.message({ text: "desrever" });
      const echo = await tool.next(received("text"));
      const { subprotocol } = tool.entries().find(({ kind }) => kind === "handshake");
      tool.check(subprotocol === "reverse" && echo.text === "reversed", `The server chose ${subprotocol}, the echo is “${echo.text}”.`);
    },
  },
  {
    title: "Handshake denied", rfc: "RFC 6455, section 4.2.2",
    expect: "The endpoint is asked to close with 1006, which cannot be sent. It refuses before the handshake is done, with an HTTP " +
      "response that says why. A browser would show a page no more than 1006.",
    async run(tool) {
      await tool.connect("wire", { ...plain, target: "close/1006" }, false);
      const response = await tool.next(received("handshake"));
      tool.check(response.status === 400, response.raw.split("\r\n\r\n")[1]);
    },
  },
  {
    title: "Server closes", rfc: "RFC 6455, section 7.4.2",
    expect: "Codes from 4000 on are an application's own. The server closes with 4001 and a reason, and the browser tells the page both.",
    async run(tool) {
      await tool.connect("browser", { ...plain, target: "close/4001?reason=see%20you" }, false);
      const close = await tool.next(received("close"));
      tool.check(close.closeCode === 4001 && close.reason === "see you" && close.wasClean, `Closed with ${close.closeCode}: ${close.reason}.`);
    },
  },
  {
    title: "Browser may not", rfc: "RFC 6455, section 7.4.1, and the WebSockets Standard",
    expect: "A page may close with 1000 and 3000 to 4999 only; with 1005 the browser refuses before anything is sent. In Wire mode it goes out.",
    async run(tool) {
      await tool.connect("browser", plain);
      tool.browser.close(1005, "");
      const error = await tool.next(({ kind }) => kind === "error");
      tool.check(error.text.startsWith("InvalidAccessError"), "The browser raised InvalidAccessError.");
    },
  },
].map(recipe => ({ ...recipe, id: recipe.title.toLowerCase().replace(/[^a-z0-9]+/g, "-") }));

