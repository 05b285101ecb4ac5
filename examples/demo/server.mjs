// The server of the demo: answers each line with the line and its own pid.
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Server } from 'uninterruptible';

class DemoServer extends Server {
  // With listeners instead of readline it takes a third less of the processor, which the load needs too.
  handleRequest(socket) {
    let rest = '';
    socket.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) socket.write(`${line} ${process.pid}\n`);
    });
  }
}

// Should the demo be killed, no generation stays behind.
connect(process.env.DEMO_LIFELINE)
  .on('error', () => {})
  .on('close', () => process.exit(1))
  .unref();

const server = new DemoServer({
  bind: 'tcp://127.0.0.1:0', // any free port; the one chosen survives restarts
  startCommand: [process.execPath, fileURLToPath(import.meta.url)],
  pidfilePath: process.env.DEMO_PID_FILE,
});
server.on('handoverError', (error) => tell('handover-failed', { code: error.code, message: error.message }));
await server.run();
tell('serving', { generation: server.generation, port: server.boundListeners[0].port });

function tell(event, facts) {
  process.stdout.write(`${JSON.stringify({ demo: event, pid: process.pid, ...facts })}\n`);
}
