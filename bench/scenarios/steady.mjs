// Steady state: a server on the library against the same on Node alone, both running, loaded in turn.
import { fileURLToPath } from 'node:url';
import { makeCertificate } from '../certificate.mjs';
import { affordable } from '../descriptor-limit.mjs';
import { Launched, told } from '../launched.mjs';
import { onStage } from '../stage.mjs';
import { spread } from '../statistics.mjs';
import { idleMemory } from './idle-memory.mjs';

const PROGRAM = fileURLToPath(new URL('../programs/steady.mjs', import.meta.url));
const CLIENT = fileURLToPath(new URL('../clients/closed-loop.mjs', import.meta.url));
const DEADLINE = 60_000;
const WHO = ['raw', 'library'];

export const steady = {
  name: 'steady',
  sizes: {
    full: {
      kinds: ['net', 'tls', 'http', 'https'],
      rounds: 5,
      clients: 32,
      warmUp: 400,
      duration: 1200,
      idle: { net: 10_000, http: 10_000, tls: 2000 },
    },
    tiny: { kinds: ['net', 'https'], rounds: 1, clients: 4, warmUp: 50, duration: 100, idle: { net: 50 } },
  },
  async run({ size, log }) {
    return onStage(async (stage) => {
      const certificate = makeCertificate(stage);
      const can = (kind) => certificate !== undefined || kind === 'net' || kind === 'http';
      const skipped = size.kinds.filter((kind) => !can(kind));
      if (skipped.length > 0) log(`${skipped.join(', ')} are skipped: openssl is not installed`);
      const launch = (kind, who) => launchSteady(stage, kind, who, certificate);
      const loads = [];
      for (const kind of size.kinds.filter(can)) {
        for (const mode of ['requests', 'connections']) {
          log(`${kind}, ${mode}`);
          loads.push({ kind, mode, ...(await compare(stage, launch, { kind, mode, ...size })) });
        }
      }
      const idle = [];
      for (const [kind, wanted] of Object.entries(size.idle).filter(([kind]) => can(kind))) {
        const count = affordable(wanted);
        log(`${kind}, ${count} idle connections`);
        idle.push({ kind, count, ...(await idleMemory(stage, launch, { kind, count })) });
      }
      return { rounds: size.rounds, clients: size.clients, loads, idle };
    });
  },
};

/** Resolves when it serves; the caller ends it. */
async function launchSteady(stage, kind, who, certificate) {
  const pair = kind === 'tls' || kind === 'https' ? certificate : [];
  const command = [process.execPath, '--expose-gc', PROGRAM, kind, who, ...pair];
  const launched = new Launched(stage, command, { ipc: true });
  const { port } = await launched.message(DEADLINE, 'the server to serve');
  return { launched, port };
}

/** Rounds in turn, A B B A: what a noisy machine does to one it does to the other. */
async function compare(stage, launch, { kind, mode, rounds, ...size }) {
  const servers = { raw: await launch(kind, 'raw'), library: await launch(kind, 'library') };
  const counted = { raw: [], library: [] };
  // Once for nothing: by then the code is compiled.
  for (const who of WHO) await oneRound(stage, servers[who], { kind, mode, ...size });
  for (let round = 0; round < rounds; round += 1) {
    for (const who of round % 2 === 0 ? WHO : WHO.toReversed()) {
      counted[who].push(await oneRound(stage, servers[who], { kind, mode, ...size }));
    }
  }
  for (const who of WHO) servers[who].launched.kill('SIGKILL');
  const ratio = (of) => spread(counted.library.map((ours, round) => of(ours) / of(counted.raw[round])));
  return {
    raw: summary(counted.raw),
    library: summary(counted.library),
    ratio: { rate: ratio(rateOf), cpu: ratio((count) => 1 / cpuOf(count)) },
  };
}

async function oneRound(stage, { launched, port }, { kind, mode, clients, warmUp, duration }) {
  const tls = kind === 'tls' || kind === 'https';
  const protocol = kind.startsWith('http') ? 'http' : 'echo';
  const order = { pid: launched.pid, port, tls, protocol, mode, clients, warmUp, duration };
  const client = new Launched(stage, [process.execPath, CLIENT, JSON.stringify(order)]);
  const counted = await client.next(told('counted'), DEADLINE, 'the load to end');
  if (counted.failed > 0) throw new Error(`${counted.failed} connections failed in ${kind}, ${mode}`);
  return counted;
}

function summary(counts) {
  return { rate: spread(counts.map(rateOf)), cpu: spread(counts.map(cpuOf)) };
}

/** Operations a second. */
function rateOf({ operations, elapsed }) {
  return (operations / elapsed) * 1000;
}

/** Microseconds of the server's processor time for each. */
function cpuOf({ operations, cpu }) {
  return (cpu / operations) * 1000;
}
