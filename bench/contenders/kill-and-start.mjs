// No tool at all: the old process is ended, then the new one is started.
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.mjs';
import { Launched, told } from '../launched.mjs';

const PROGRAM = fileURLToPath(new URL('../programs/plain.mjs', import.meta.url));
const DEADLINE = 15_000;
/** Whoever starts it looks away after a while. */
const PATIENCE = 3000;

export const killAndStart = {
  name: 'kill and start',
  how: '`kill`, then `node server.mjs`',
  protocols: ['echo', 'http'],
  faults: ['throw', 'hang', 'answer-wrong'],
  missing: () => undefined,
  async start(stage, protocol) {
    const port = await freePort();
    const launch = () => new Launched(stage, [process.execPath, PROGRAM, protocol, String(port)]);
    let launched = launch();
    await launched.next(told('serving'), DEADLINE, 'the server to serve');
    return {
      port,
      async restart() {
        launched.kill('SIGTERM');
        await launched.exit;
        launched = launch();
        const serves = launched.next(told('serving'), PATIENCE, 'the server to serve').then(
          () => null,
          () => 'late',
        );
        const end = await Promise.race([serves, launched.exit]);
        return { exitCode: typeof end === 'number' ? end : null };
      },
    };
  },
};
