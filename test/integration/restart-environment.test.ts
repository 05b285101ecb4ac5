import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { sessionOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** A program as people write them: a `.env` file that does not override, a relative start command, no workingDirectory. */
const PROGRAM = `
  import { readFileSync } from 'node:fs';
  import { Server } from 'uninterruptible';
  import { release } from './release.mjs';
  for (const line of readFileSync('.env', 'utf8').trim().split('\\n')) {
    const [name, value] = line.split('=');
    process.env[name] ??= value;
  }
  class Program extends Server {
    async handleRequest(socket) {
      socket.write(JSON.stringify({ release, greeting: process.env.GREETING, cwd: process.cwd(), pwd: process.env.PWD }));
    }
  }
  await new Program({ bind: 'tcp://127.0.0.1:0', startCommand: 'node server.mjs' }).run();
`;

let generations: Generations;
afterEach(async () => generations.end());

/** Writes a release and lets \`current\` lead to it, as deployment tools do: by a rename. */
function release(name: string, greeting: string): string {
  const directory = join(generations.directory, 'releases', name);
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  symlinkSync(PACKAGE, join(directory, 'node_modules', 'uninterruptible'));
  writeFileSync(join(directory, 'server.mjs'), PROGRAM);
  writeFileSync(join(directory, 'release.mjs'), `export const release = '${name}';\n`);
  writeFileSync(join(directory, '.env'), `GREETING=${greeting}\n`);
  symlinkSync(directory, join(generations.directory, 'next'));
  renameSync(join(generations.directory, 'next'), join(generations.directory, 'current'));
  return directory;
}

test(
  'a release switched behind `current`, its .env file included, serves after SIGUSR1',
  requirement('addon'),
  async () => {
    generations = new Generations();
    const current = join(generations.directory, 'current');
    const first = release('one', 'hello');
    // As a shell does: it keeps the name it went through.
    generations.launch({
      command: [process.execPath, 'server.mjs'],
      cwd: current,
      environment: { PWD: current },
    });
    await generations.line('serving');
    const asked = async (): Promise<unknown> => JSON.parse(await generations.request(''));
    expect(await asked()).toEqual({ release: 'one', greeting: 'hello', cwd: first, pwd: current });
    const second = release('two', 'good day');
    await generations.restart();
    expect(await asked()).toEqual({ release: 'two', greeting: 'good day', cwd: second, pwd: current });
  },
);

describe('a new process', requirement('addon', 'proc'), () => {
  test('has the environment of the first start, without what was meant for one process', async () => {
    generations = await Generations.start(
      {},
      {
        environment: {
          CHANGED: 'before',
          LISTEN_FDS: '1',
          LISTEN_PID: '1',
          PATH: '/usr/bin:/bin',
          WATCHDOG_PID: '1',
          npm_lifecycle_event: 'start',
          NODE_OPTIONS: '--inspect=127.0.0.1:0 --no-warnings',
        },
      },
    );
    await generations.evaluate("(process.env.CHANGED = 'after')");
    for (let restarts = 0; restarts < 2; restarts += 1) {
      await generations.restart();
      const environment = await generations.evaluate<Record<string, string>>('process.env');
      expect(environment).toMatchObject({
        CHANGED: 'before',
        NODE_OPTIONS: '--no-warnings',
        PATH: `${join(process.cwd(), 'node_modules', '.bin')}:/usr/bin:/bin`,
      });
      const odd = /^(LISTEN_|WATCHDOG_PID$|npm_|UNINTERRUPTIBLE_(?!TEST_))/;
      expect(Object.keys(environment).filter((name) => odd.test(name))).toEqual([]);
    }
  });

  test('tells its own children neither the control path nor the token', async () => {
    generations = await Generations.start();
    await generations.restart();
    const printed = await generations.evaluate<string>("String(require('child_process').execSync('env'))");
    expect(printed).toContain('UNINTERRUPTIBLE_TEST_MARK=');
    expect(printed).not.toMatch(/^UNINTERRUPTIBLE_(?!TEST_)/m);
    expect(printed).not.toContain(generations.controlPath);
  });

  test('has a session of its own, so that Ctrl-C for its predecessor does not reach it', async () => {
    generations = await Generations.start();
    const first = generations.owner;
    const second = await generations.restart();
    expect(sessionOf(second)).toBe(second);
    expect(sessionOf(second)).not.toBe(sessionOf(first));
  });

  test('inherits no descriptor of its predecessor but stdin, stdout and stderr', async () => {
    generations = new Generations();
    // dash opens nothing for itself, so what it has it was given.
    const [shell, ...words] = ['/bin/sh', '-c', 'ls -l /proc/$$/fd'] as const;
    const servers = [
      { bind: 'tcp://127.0.0.1:0', controlPath: generations.controlPath, startCommand: [shell, ...words] },
    ];
    generations.deploy({ servers });
    generations.launch();
    await generations.line('serving');
    await generations.order({ type: 'restart' });
    await generations.until(() => generations.stray.some((line) => line.includes(' 2 -> ')), 'the listing');
    const numbers = (listing: readonly string[]): string[] =>
      listing.map((line) => / (\d+) -> /.exec(line)?.[1]).filter((fd) => fd !== undefined);
    const { stdout } = spawnSync(shell, words, { encoding: 'utf8' });
    expect(numbers(generations.stray)).toEqual(numbers(stdout.split('\n')));
  });
});

describe("Node's IPC channel", requirement('addon', 'proc'), () => {
  const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

  test.each([
    ['a control path', {}],
    ['no directory for one', { TMPDIR: '/nowhere', XDG_RUNTIME_DIR: '', RUNTIME_DIRECTORY: '' }],
  ])("of a forked first generation is not its successor's, with %s", async (_, environment) => {
    generations = new Generations();
    const unnamed = 'TMPDIR' in environment;
    generations.deploy(unnamed ? { servers: [{ bind: 'tcp://127.0.0.1:0' }] } : {});
    const fork = `require('child_process').fork(...${JSON.stringify([FIXTURE, [generations.optionsPath]])})`;
    generations.launch({ command: [process.execPath, '-e', fork], environment });
    await generations.line('serving');
    expect(await generations.evaluate('process.connected')).toBe(true);
    await generations.restart();
    expect(await generations.evaluate('[process.connected, typeof process.send]')).toEqual([
      null,
      'undefined',
    ]);
    await generations.restart();
  });
});
