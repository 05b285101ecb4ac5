import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { commandOf, parentOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
afterEach(async () => generations.end());

/** Restarts a fixture that has this start command. Resolves when the new process serves alone. */
async function restartedBy(
  startCommand: (program: string) => string | string[],
  environment: Record<string, string> = {},
): Promise<number> {
  generations = new Generations();
  const { controlPath, optionsPath } = generations;
  const command = startCommand(`"${FIXTURE}" '${optionsPath}'`);
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, startCommand: command }] });
  generations.launch({ environment });
  const first = (await generations.line('serving')).pid;
  const answer = await generations.order({ type: 'restart' });
  const second = (await generations.line('serving', ({ generation }) => generation === 2)).pid;
  expect(answer).toEqual({ type: 'restarted', pid: second, generation: 2 });
  await generations.gone(first);
  return second;
}

type Case = [name: string, startCommand: (program: string) => string | string[]];

describe('a simple command leaves no shell behind', requirement('addon', 'proc'), () => {
  test.each<Case>([
    ['node program', (program) => `node ${program}`],
    ['"node" program 2>&1', (program) => `"node" ${program} 2>&1`],
    ['env WORD=x node program', (program) => `env WORD=x node ${program}`],
    ['exec node program', (program) => `exec node ${program}`],
    ['[node, program]', () => [process.execPath, FIXTURE, generations.optionsPath]],
  ])('%s', async (_name, startCommand) => {
    const owner = await restartedBy(startCommand);
    expect(generations.alive()).toEqual([owner]);
  });
});

describe('the shell carries out what is more than one', requirement('addon', 'proc'), () => {
  test.each<Case>([
    ['WORD=x node program', (program) => `WORD=x node ${program}`],
    ['cd / && node program', (program) => `cd / && node ${program}`],
    ['node program | cat', (program) => `node ${program} | cat`],
    ['command node program', (program) => `command node ${program}`],
    ['(trap "" USR2; node program; true)', (program) => `(trap "" USR2; node ${program}; true)`],
  ])('%s', async (_name, startCommand) => {
    const owner = await restartedBy(startCommand);
    expect(commandOf(owner).slice(-1)).toEqual([generations.optionsPath]);
    // However many they are: they end with the server.
    process.kill(owner, 'SIGTERM');
    await generations.until(() => generations.alive().length === 0, 'everybody to leave');
  });

  test('words and quotes mean what they mean in a shell', async () => {
    const owner = await restartedBy((program) => `NAME='a  b' sh -c 'exec "$0" "$@"' node ${program}`);
    expect(await generations.evaluate('process.env.NAME')).toBe('a  b');
    expect(owner).toBe(generations.owner);
  });
});

test(
  'a command is looked for in PATH as the kernel reads it: .. after a link is where the link leads',
  requirement('addon', 'proc'),
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'start-command-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    mkdirSync(join(directory, 'releases/42'), { recursive: true });
    symlinkSync('releases/42', join(directory, 'current'));
    writeFileSync(join(directory, 'releases/tool'), `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, {
      mode: 0o755,
    });
    // Where the mere text would lead.
    writeFileSync(join(directory, 'tool'), '#!/bin/sh\nexit 5\n', { mode: 0o755 });
    const command = () => ['tool', FIXTURE, generations.optionsPath];
    const owner = await restartedBy(command, { PATH: `${directory}/current/..:${process.env['PATH']}` });
    expect(owner).toBe(generations.owner);
  },
);

test(
  'a wrapper that forks, as `npm start` does, may stand between',
  requirement('addon', 'proc'),
  async () => {
    const wrapper = `
    const child = require('node:child_process').spawn(process.execPath, process.argv.slice(1), { stdio: 'inherit' });
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('exit', (code) => process.exit(code));
  `;
    const owner = await restartedBy(() => [
      process.execPath,
      '-e',
      wrapper,
      FIXTURE,
      generations.optionsPath,
    ]);
    expect(generations.alive().sort()).toEqual([parentOf(owner), owner].sort());
    const third = await generations.restart();
    await generations.until(() => generations.alive().length === 2, 'the wrapper of the second to leave');
    // What npm gets it passes on, and a process group gets everything twice.
    process.kill(-parentOf(third), 'SIGTERM');
    await generations.until(() => generations.alive().length === 0, 'everybody to leave');
    await generations.line('stopped', ({ pid }) => pid === third);
    const orders = generations.lines.filter(({ msg, pid }) => msg === 'stop ordered' && pid === third);
    expect(orders).toHaveLength(1);
  },
);
