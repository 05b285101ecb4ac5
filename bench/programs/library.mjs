// The service on `uninterruptible`. usage: node library.mjs <echo|http> <port>
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { Server } from 'uninterruptible';
import { HttpServer } from 'uninterruptible/http';
import { answerPid, echo } from './handlers.mjs';

const [protocol, port] = process.argv.slice(2);

class EchoServer extends Server {
  handleRequest(socket) {
    echo(socket);
  }

  async probe(connect) {
    const socket = connect();
    socket.write('probe\n');
    const [line] = await once(createInterface({ input: socket }), 'line');
    socket.end();
    if (line !== `probe ${process.pid}`) throw new Error(`answered ${line}`);
  }
}

class PidServer extends HttpServer {
  async probe(connect) {
    const [response] = await once(request({ createConnection: () => connect() }).end(), 'response');
    response.resume();
    if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
  }
}

const options = {
  bind: `tcp://127.0.0.1:${port}`,
  startCommand: [process.execPath, ...process.argv.slice(1)],
  pidfilePath: process.env.BENCH_PID_FILE,
};
const server = protocol === 'http' ? new PidServer(answerPid) : new EchoServer();
server.configure(options);
await server.run();
