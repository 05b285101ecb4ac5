import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Generations, type Version } from '../support/generations.js';
import { descriptorOf, exitOf, stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
afterEach(async () => generations.end());

/** A first generation whose successors are started by this command. */
async function serving(startCommand: string | string[], version: Version = {}): Promise<number> {
  generations.deploy(versionWith(startCommand, version));
  generations.launch();
  return (await generations.line('serving')).pid;
}

function versionWith(startCommand: string | string[], version: Version = {}): Version {
  const { controlPath } = generations;
  return { servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, startCommand }], ...version };
}

async function stderrHas(text: string): Promise<void> {
  await generations.until(() => generations.stderr.includes(text), `"${text}" on stderr`);
}

describe('stderr', requirement('addon', 'proc'), () => {
  test('of a new process is copied while it starts, and its last words are in the failure', async () => {
    generations = new Generations();
    await serving(String.raw`printf 'one\n\033[31mtwo\033[0m\007\n' >&2; exit 3`);
    expect(await generations.order({ type: 'restart' })).toMatchObject({
      type: 'failed',
      code: 'UNINTERRUPTIBLE_RESTART_EXITED',
      lastWords: 'one\ntwo',
    });
    await stderrHas('one\n\u001b[31mtwo\u001b[0m\u0007\n');
  });

  test('is the real one again in each generation that serves', async () => {
    generations = await Generations.start();
    const real = descriptorOf(generations.owner, 2);
    expect(real).toMatch(/^(pipe|socket):/);
    for (const generation of [2, 3, 4]) {
      const pid = await generations.restart();
      expect(descriptorOf(pid, 2)).toBe(real);
      await generations.evaluate(`console.error('generation ${generation}')`);
      await stderrHas(`generation ${generation}\n`);
    }
  });

  test('is the real one again in a process whose predecessor died', async () => {
    generations = new Generations();
    generations.deploy({ fault: { at: 'received:ready', action: 'kill' } });
    generations.launch();
    const first = (await generations.line('serving')).pid;
    const real = descriptorOf(first, 2);
    generations.deploy({});
    const second = await generations.restart();
    // Dead, it is a zombie until Node has waited for it.
    await generations.until(() => stateOf(first) === undefined, 'the first to be gone');
    expect(descriptorOf(second, 2)).toBe(real);
  });

  test('of its children that began before it served still arrives, in each generation', async () => {
    generations = new Generations();
    const { directory, optionsPath } = generations;
    // A child that says what it is told through a named pipe, in the background of each new process.
    const fifo = join(directory, 'words');
    execFileSync('mkfifo', [fifo]);
    const child = `(while read -r word; do echo "child of $$: $word" >&2; done < ${fifo}) &`;
    await serving(`${child} exec node ${FIXTURE} ${optionsPath}`);
    for (const word of ['two', 'three', 'four']) {
      const pid = await generations.restart();
      writeFileSync(fifo, `${word}\n`);
      await stderrHas(`child of ${pid}: ${word}\n`);
    }
  });

  test('whose reader is slow loses nothing and holds nobody up', async () => {
    generations = new Generations();
    const flood = `process.stderr.write('x'.repeat(500_000) + 'end')`;
    const flooding = [
      process.execPath,
      '--import',
      `data:text/javascript,${flood}`,
      FIXTURE,
      generations.optionsPath,
    ];
    generations.deploy(versionWith(flooding));
    const child = generations.launch();
    await generations.line('serving');
    child.stderr?.pause();
    const second = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    // Within the second that the old process gives it at its end.
    child.stderr?.resume();
    await stderrHas('end');
    expect(generations.stderr).toBe(`${'x'.repeat(500_000)}end`);
    await generations.evaluate("console.error('after')");
    await stderrHas('after');
  });
});

describe('when the readers of the first stdout and stderr have gone away', requirement('addon'), () => {
  test('nobody dies, and restarts go on', async () => {
    generations = await Generations.start();
    const port = generations.port();
    await generations.restart();
    generations.closeOutput();
    for (const generation of [3, 4, 5]) {
      const words = JSON.stringify('words '.repeat(20_000));
      await generations.evaluate(`(console.log(${words}), console.error(${words}))`);
      const answer = await generations.order({ type: 'restart' });
      expect(answer).toMatchObject({ type: 'restarted', generation });
      const { pid } = answer as { pid: number };
      expect(await generations.request('hello', { port })).toBe(`hello ${pid}`);
      await generations.until(() => generations.alive().join() === String(pid), 'the old process to leave');
    }
    generations.deploy({ startup: 'throw' });
    const answer = await generations.order({ type: 'restart' });
    expect(answer).toHaveProperty('lastWords', expect.stringContaining('the new version throws'));
    expect(await generations.order({ type: 'stop' })).toEqual({ type: 'stopping' });
    await generations.until(() => generations.alive().length === 0, 'the last one to leave');
  });
});

test(
  'a full disk under the log neither ends a server nor holds it back from leaving',
  requirement('addon'),
  async () => {
    generations = new Generations();
    const servers = [
      { bind: 'tcp://127.0.0.1:0', controlPath: generations.controlPath, logPath: '/dev/full' },
    ];
    generations.deploy({ servers });
    const child = generations.launch();
    await generations.until(() => existsSync(generations.controlPath), 'the control path');
    for (const generation of [2, 3]) {
      expect(await generations.order({ type: 'restart' })).toMatchObject({ type: 'restarted', generation });
    }
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    await generations.order({ type: 'stop' });
    await generations.until(() => generations.alive().length === 0, 'everybody to leave');
  },
);
