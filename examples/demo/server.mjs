// The server of the demo: answers each line with the line and its own pid.

import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Server } from 'uninterruptible';

class DemoServer extends Server {
  async handleRequest(socket) {
    for await (const line of createInterface({ input: socket })) socket.write(`${line} ${process.pid}\n`);
  }
}

const server = new DemoServer({
  bind: 'tcp://127.0.0.1:0', // any free port; the one chosen survives restarts
  startCommand: [process.execPath, fileURLToPath(import.meta.url)],
  pidfilePath: process.env.DEMO_PID_FILE,
});
server.on('handoverError', (error) => tell('handover-failed', { code: error.code, message: error.message }));
await server.run();
tell('serving', { generation: server.generation, port: server.boundListeners[0].port });

// stdin is a pipe that all generations share with the demo: should the demo be killed, none of them stays behind.
process.stdin.on('end', () => process.exit(1)).resume();

function tell(event, facts) {
  process.stdout.write(`${JSON.stringify({ demo: event, pid: process.pid, ...facts })}\n`);
}
