// echo-server.mjs
import { createInterface } from 'node:readline';
import { Server } from 'uninterruptible';

class EchoServer extends Server {
  async handleRequest(socket) {
    for await (const line of createInterface({ input: socket })) socket.write(`${line}\n`);
  }
}

const server = new EchoServer();
server.configure((config) => {
  config.bind = 'tcp://0.0.0.0:6789';
  config.startCommand = 'node echo-server.mjs';
});
await server.run();
