// node:cluster, with the rolling restart that its documentation suggests.
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.mjs';
import { Launched, told } from '../launched.mjs';

const PROGRAM = fileURLToPath(new URL('../programs/cluster.mjs', import.meta.url));
const DEADLINE = 15_000;

export const cluster = {
  name: 'node:cluster',
  how: '2 workers, one replaced after the other',
  protocols: ['echo', 'http'],
  faults: ['throw', 'hang', 'answer-wrong'],
  missing: () => undefined,
  async start(stage, protocol) {
    const port = await freePort();
    const launched = new Launched(stage, [process.execPath, PROGRAM, protocol, String(port)]);
    await launched.next(told('all-serving'), DEADLINE, 'the workers to serve');
    return {
      port,
      async restart() {
        const ended = launched.next(told('restarted'), DEADLINE, 'the restart to end');
        launched.kill('SIGUSR2');
        await ended;
        return { exitCode: null };
      },
    };
  },
};
