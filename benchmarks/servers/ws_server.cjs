// The ws package on node. It negotiates permessage-deflate only when told to, as for the loads that need it.
const { WebSocketServer, WebSocket } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: process.env.BENCHMARK_DEFLATE === "1",
});

server.on("connection", (socket, request) => {
  if (request.url === "/broadcast") {
    socket.on("message", (data, isBinary) => {
      for (const member of server.clients) {
        if (member.readyState === WebSocket.OPEN) member.send(data, { binary: isBinary });
      }
    });
  } else {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  }
  socket.on("error", console.error);
});
