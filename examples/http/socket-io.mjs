// Socket.IO: its engine is given the upgrades and requests of a server that does not listen. Clients reconnect by themselves.
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Server } from 'socket.io';
import { HttpServer } from 'uninterruptible/http';
import { options } from './options.mjs';

const server = createServer();
const io = new Server(server);
io.on('connection', (socket) => {
  socket.on('ask', (question, answer) => answer({ pid: process.pid, body: question }));
});

class Live extends HttpServer {
  async onDrain() {
    const connections = [...io.of('/').sockets.values()];
    for (const connection of connections) {
      connection.conn.close(); // as if the network had failed: the client comes back at once, by itself
      await delay(Number(process.env.SPREAD ?? 10_000) / connections.length);
    }
  }
}

await new Live(server, options).run();
