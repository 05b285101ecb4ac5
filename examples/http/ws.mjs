// WebSockets with `ws`: when this process drains, its clients are told to come back (1012), a few at a time.
import { createServer } from 'node:http';
import { closeWebSockets, HttpServer } from 'uninterruptible/http';
import { WebSocketServer } from 'ws';
import { options } from './options.mjs';

const server = createServer((_request, response) => response.end(JSON.stringify({ pid: process.pid })));
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (message) => socket.send(`${message} ${process.pid}`));
});

class Chat extends HttpServer {
  #drain;

  onDrain() {
    this.#drain = new AbortController();
    return closeWebSockets(sockets.clients, {
      over: Number(process.env.SPREAD ?? 10_000),
      signal: this.#drain.signal,
    });
  }

  onResume() {
    this.#drain.abort(); // the new process died, and this one serves again: who is left may stay
  }
}

await new Chat(server, options).run();
