/** G1: no connection is refused, reset, cut or left unanswered by a hand-over. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makePair } from '../support/certificates.js';
import { EchoGenerations } from '../support/echo.js';
import { DEADLINE } from '../support/generations.js';
import { type LoadHandle, type LoadTarget, startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';

const RESTARTS = 20;
/** Room for what comes while two cores are busy with starting a process: a full queue is the machine's loss, not ours. */
const BACKLOG = 'backlog=4096';

let generations: EchoGenerations;
let load: LoadHandle | undefined;

beforeEach(() => {
  generations = new EchoGenerations();
});

afterEach(async () => {
  await load?.kill();
  await generations.end();
});

async function serve(options: { bind: string; [option: string]: unknown }): Promise<void> {
  generations.deploy({ servers: [{ controlPath: generations.controlPath, ...options }] });
  generations.launch();
  await generations.line('serving');
}

/** Restarts, each as soon as the one before is complete, while clients come and others stay. */
async function expectNothingLost(target: LoadTarget, rate: number): Promise<void> {
  load = await startLoad({
    target,
    rate,
    answer: 'echo-pid',
    answerTimeout: 5_000,
    // Each stays through some restarts and then comes anew, so that every generation has some to drain.
    longLived: { count: 20, interval: 100, holdFor: 1_500 },
  });
  for (let restarts = 0; restarts < RESTARTS; restarts += 1) await generations.restart();
  await load.waitFor(({ pids }) => String(generations.owner) in pids, DEADLINE, 'the last one to answer');
  const result = await load.stop();
  expect(result.losses).toEqual([]);
  expect(result.longLived?.cuts).toEqual([]);
  expect(result.rate.fraction).toBeGreaterThanOrEqual(0.95);
  expect(Object.keys(result.pids), 'generations that answered').toHaveLength(RESTARTS + 1);
}

describe('G1: 20 restarts under load lose nobody and cut nobody', () => {
  test('at 2,000 new TCP connections a second', requirement('addon'), async () => {
    await serve({ bind: `tcp://127.0.0.1:0?${BACKLOG}` });
    await expectNothingLost({ port: generations.port() }, 2_000);
  });

  test('at 2,000 new connections a second to a UNIX path', requirement('addon'), async () => {
    const path = join(generations.directory, 'socket');
    await serve({ bind: `unix://${path}?${BACKLOG}` });
    await expectNothingLost({ path }, 2_000);
  });

  test('at 300 new TLS connections a second', requirement('addon', 'openssl'), async () => {
    const { key, certificate } = makePair(generations.directory, 'server');
    await serve({ bind: `tcp://127.0.0.1:0?${BACKLOG}`, tlsKey: key, tlsCertificate: certificate });
    await expectNothingLost({ port: generations.port(), tls: { ca: certificate } }, 300);
  });
});
