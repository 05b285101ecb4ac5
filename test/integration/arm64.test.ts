/** The addon for arm64, in a Node for arm64 that runs under qemu-user: among its own, and with processes of this machine. */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { ARM64_NODE } from '../support/arm64.js';
import { Generations } from '../support/generations.js';
import { startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a Node for arm64', { ...requirement('arm64', 'addon', 'proc'), timeout: 120_000 }, () => {
  test('hands over to itself, to one for this machine, and takes over from that: nothing is lost', async () => {
    generations = new Generations();
    cleanups.push(() => generations.end());
    const arm64 = [...ARM64_NODE, FIXTURE, generations.optionsPath] as [string, ...string[]];
    const ours = [process.execPath, FIXTURE, generations.optionsPath];
    const deploy = (startCommand: readonly string[]): void => {
      generations.deploy({
        servers: [{ bind: 'tcp://127.0.0.1:0', controlPath: generations.controlPath, startCommand }],
      });
    };

    deploy(arm64);
    // What was compiled here is for this machine.
    generations.launch({ command: arm64, environment: { PREBUILDS_ONLY: '1' } });
    await generations.line('serving');
    const load = await startLoad({ target: { port: generations.port() }, rate: 50, answer: 'echo-pid' });
    cleanups.push(() => load.kill());

    const served = [await architecture()];
    // What a process is told of its startCommand it reads when it starts: each says what follows the next one.
    for (const command of [ours, arm64, ours, arm64]) {
      deploy(command);
      await generations.restart();
      served.push(await architecture());
    }
    expect(served).toEqual(['arm64', 'arm64', process.arch, 'arm64', process.arch]);

    const result = await load.stop();
    expect(result).toMatchObject({ lost: 0 });
    // All but the last, which has only just begun to serve.
    expect(Object.keys(result.pids).length).toBeGreaterThanOrEqual(4);
    process.kill(generations.owner, 'SIGTERM');
    await generations.until(() => generations.alive().length === 0, 'everybody to leave');
  });
});

/** Of whoever answers, who has an addon: it took over. */
async function architecture(): Promise<string> {
  return generations.evaluate<string>('process.arch');
}
