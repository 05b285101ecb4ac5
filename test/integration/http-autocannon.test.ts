/** The examples with Express and with Fastify under the full load of autocannon, through twenty restarts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import type { StatusAnswer } from '../../src/handover/protocol.js';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';
import { restarts } from '../support/restarts.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/http', import.meta.url));
const AUTOCANNON = fileURLToPath(new URL('../support/autocannon.mjs', import.meta.url));
const CONNECTIONS = 20;
const RESTARTS = restarts(20);

let generations: Generations;
let load: ChildProcess | undefined;
afterEach(async () => {
  load?.kill('SIGKILL');
  await generations.end();
});

/** How many requests the owner has been asked. */
async function asked(): Promise<number> {
  const { status } = (await generations.order({ type: 'status' })) as StatusAnswer;
  return (status['requests'] as { total: number }).total;
}

/** Waits until each connection has come to the owner, and then some. */
async function underLoad(): Promise<void> {
  await expect.poll(asked, { timeout: 15_000 }).toBeGreaterThan(5 * CONNECTIONS);
}

test.each(['express', 'fastify'])(
  `%s loses nothing under autocannon, through ${RESTARTS} restarts`,
  requirement('addon'),
  async (example) => {
    generations = new Generations();
    generations.launch({
      command: [process.execPath, join(EXAMPLES, `${example}.mjs`)],
      environment: { PORT: '0', CONTROL_PATH: generations.controlPath },
    });
    await generations.line('serving');
    const url = `http://127.0.0.1:${generations.port()}`;
    load = spawn(process.execPath, [AUTOCANNON, url, String(CONNECTIONS)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdin, stdout } = load;
    if (stdin === null || stdout === null) throw new Error('it has no pipes');
    const result = text(stdout);
    await underLoad();
    for (let times = 0; times < RESTARTS; times += 1) {
      await generations.restart();
      await underLoad();
    }
    stdin.end();
    const { answered, ...lost } = JSON.parse(await result) as Record<string, number>;
    console.info(`${example}: ${answered} requests`);
    expect(lost).toEqual({ cut: 0, errors: 0, timeouts: 0, mismatches: 0, non2xx: 0 });
    expect(answered).toBeGreaterThan(RESTARTS * 5 * CONNECTIONS);
  },
);
