// A process with ten thousand connections hands over: does its loop stall when it begins to drain, and does it leave at once
// when the last connection has ended?

import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monotonic } from '../clock.mjs';
import { affordable } from '../descriptor-limit.mjs';
import { Launched, told } from '../launched.mjs';
import { onStage } from '../stage.mjs';

const PROGRAM = fileURLToPath(new URL('../programs/drain.mjs', import.meta.url));
const CLIENT = fileURLToPath(new URL('../clients/hold.mjs', import.meta.url));
const DEADLINE = 60_000;

export const drain = {
  name: 'drain',
  sizes: {
    full: { connections: 10_000, rounds: 3, settle: 1000 },
    tiny: { connections: 100, rounds: 1, settle: 100 },
  },
  async run({ size, log }) {
    const connections = affordable(size.connections);
    const runs = [];
    for (const protocol of ['echo', 'http']) {
      log(`${protocol}, ${connections} connections`);
      for (let round = 0; round < size.rounds; round += 1) {
        runs.push(await oneRun(protocol, { ...size, connections }));
      }
    }
    return { connections, runs };
  },
};

async function oneRun(protocol, { connections: count, settle }) {
  return onStage(async (stage) => {
    const old = new Launched(stage, [process.execPath, PROGRAM, protocol], { ipc: true });
    const { port } = await old.next(told('serving'), DEADLINE, 'the server to serve');
    const order = JSON.stringify({ port, tls: false, protocol, count });
    const clients = new Launched(stage, [process.execPath, CLIENT, order]);
    await clients.next(told('held'), DEADLINE, `${count} connections`);

    const { connections } = await old.ask('begin', DEADLINE);
    await delay(settle);
    const draining = old.next(message('draining'), DEADLINE, 'the drain to begin');
    process.kill(old.pid, 'SIGUSR1');
    await draining;
    await delay(settle);
    const { before, since, told: toldOff } = await old.ask('tell', DEADLINE);

    const exit = old.exit.then(() => monotonic());
    const released = clients.next(told('released'), DEADLINE, 'the last connection to be closed');
    clients.order('release');
    const { at } = await released;
    return { protocol, connections, before, since, told: toldOff, exit: (await exit) - at };
  });
}

function message(text) {
  return (line) => (line.includes(`"msg":"${text}"`) ? true : undefined);
}
