/** A unit whose service leaves Node for a program that knows nothing of this library, and comes back, under systemd itself. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { COMMAND } from '../support/command.js';
import { ExecutedGenerations } from '../support/executed.js';
import { type LoadHandle, startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';
import { Systemd } from '../support/systemd.js';

const SERVER = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));
const UNIT = 'echo.service';

let generations: ExecutedGenerations | undefined;
let systemd: Systemd | undefined;
let load: LoadHandle | undefined;

afterEach(async () => {
  await load?.kill();
  load = undefined;
  await generations?.end();
  generations = undefined;
  await systemd?.end();
  systemd = undefined;
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** Each reload starts what stands in a file at that time, whoever serves. */
class Unit {
  readonly #all: ExecutedGenerations;
  readonly #systemd: Systemd;
  readonly #port: number;

  constructor(all: ExecutedGenerations, manager: Systemd, port: number) {
    this.#all = all;
    this.#systemd = manager;
    this.#port = port;
  }

  /** Of the script that is the start command. */
  get #next(): string {
    return join(this.#all.directory, 'next');
  }

  get node(): string[] {
    return [process.execPath, SERVER, this.#all.optionsPath];
  }

  python(word: string): string[] {
    const options = ['--ready-after', '300ms', '--start-command', `exec sh ${this.#next}`];
    return [process.execPath, COMMAND, 'exec', ...options, '--', ...this.#all.python(word)];
  }

  async start(rollbackWindow = '0s'): Promise<void> {
    const { directory, controlPath } = this.#all;
    const bind = `tcp://127.0.0.1:${this.#port}?backlog=4096`;
    this.#all.deploy({ servers: [{ bind, startCommand: ['sh', this.#next] }], stay: true });
    await this.#systemd.start();
    const log = join(directory, 'log');
    await this.#systemd.install(UNIT, {
      // With `notify-reload` the program itself would be sent the signal.
      'Type=': 'Type=notify',
      'ReloadSignal=': `ExecReload=${process.execPath} ${COMMAND} restart --control ${controlPath}`,
      'User=': `StandardOutput=append:${log}`,
      'WorkingDirectory=': `StandardError=append:${log}`,
      'Environment=APP_ROOT': '',
      'ExecStart=': `ExecStart=${this.node.join(' ')}`,
      'Environment=ROLLBACK_WINDOW': `Environment=ROLLBACK_WINDOW=${rollbackWindow}`,
      'Environment=CONTROL_PATH': `Environment=CONTROL_PATH=${controlPath}`,
    });
    this.#all.launch({ command: ['tail', '-F', '-n', '+1', log] });
    await this.#systemd.control('start', UNIT);
  }

  /** Resolves with the pid of the main process, which is who serves. */
  async reload(command: readonly string[]): Promise<number> {
    const quoted = command.map((each) => `'${each}'`).join(' ');
    writeFileSync(this.#next, `exec ${quoted}\n`);
    await this.#systemd.control('reload', UNIT);
    const { pid } = await this.#all.status();
    await this.is({ ActiveState: 'active', SubState: 'running', MainPID: String(pid), NRestarts: '0' });
    return pid;
  }

  /** What systemd thinks, now or soon. */
  async is(expected: Record<string, string>): Promise<void> {
    let state: Record<string, string> = {};
    for (const deadline = performance.now() + 15_000; performance.now() < deadline; ) {
      const all = await this.#systemd.show(UNIT);
      state = Object.fromEntries(Object.keys(expected).map((name) => [name, all[name] ?? '']));
      if (Object.entries(expected).every(([name, value]) => state[name] === value)) return;
    }
    expect(state, this.#all.report()).toEqual(expected);
  }

  /** Until nobody drains any more. Pids are those of the unit's namespace: from outside nobody may be looked for, or killed, by them. */
  async alone(): Promise<void> {
    await expect.poll(async () => (await this.#all.status()).draining, { timeout: 15_000 }).toEqual([]);
  }

  killMain(): Promise<string> {
    return this.#systemd.control('kill', '--kill-whom=main', '--signal=KILL', UNIT);
  }

  stop(): Promise<string> {
    return this.#systemd.control('stop', UNIT);
  }
}

describe('under systemd, exec', {
  ...requirement('addon', 'python3', 'systemctl', 'systemd'),
  timeout: 60_000,
}, () => {
  test('moves the main process to the program, to the next one, back to Node and away again: nothing is lost', async () => {
    const port = await freePort();
    const all = (generations = new ExecutedGenerations());
    const unit = new Unit(all, (systemd = new Systemd(all)), port);
    await unit.start();
    const { pid: first } = await all.line('serving');
    load = await startLoad({
      target: { port },
      rate: 300,
      answer: 'echo-pid',
      longLived: { count: 5, holdFor: 300 },
    });
    const one = await unit.reload(unit.python('one'));
    await unit.alone();
    expect(await all.request('version', { port })).toBe(`one ${one}`);
    const two = await unit.reload(unit.python('two'));
    await unit.alone();
    expect(await all.request('version', { port })).toBe(`two ${two}`);
    const node = await unit.reload(unit.node);
    await unit.alone();
    expect(await all.request('version', { port })).toBe(`version ${node}`);
    const three = await unit.reload(unit.python('three'));
    await unit.alone();

    const { losses, longLived, pids } = await load.stop();
    expect({ losses, cuts: longLived?.cuts }).toEqual({ losses: [], cuts: [] });
    expect(Object.keys(pids).map(Number).sort()).toEqual([first, one, two, node, three].sort());

    // What is open is finished. A program or keeper that stayed would be a timeout.
    const answer = all.request('slow', { port });
    await all.request('hello', { port });
    await unit.stop();
    expect(await answer).toBe(`slow ${three}`);
    await unit.is({ ActiveState: 'inactive', Result: 'success', ExecMainStatus: '0', MainPID: '0' });
  });

  test('a program that is not ready leaves the unit and its main process as they are', async () => {
    const port = await freePort();
    const all = (generations = new ExecutedGenerations());
    const unit = new Unit(all, (systemd = new Systemd(all)), port);
    await unit.start();
    const { pid: first } = await all.line('serving');
    await expect(unit.reload([...unit.python('bad'), 'die'])).rejects.toThrow(/Job for echo.service failed/);
    await unit.is({ ActiveState: 'active', SubState: 'running', MainPID: String(first), NRestarts: '0' });
    const one = await unit.reload(unit.python('one'));
    await unit.alone();
    await expect(unit.reload([...unit.python('bad'), 'die'])).rejects.toThrow(/Job for echo.service failed/);
    await unit.is({ ActiveState: 'active', SubState: 'running', MainPID: String(one), NRestarts: '0' });
    expect(await all.request('version', { port })).toBe(`one ${one}`);
  });

  test('a program that dies: Node, standing by, is the main process again; else systemd starts it anew', async () => {
    const port = await freePort();
    const all = (generations = new ExecutedGenerations());
    const unit = new Unit(all, (systemd = new Systemd(all)), port);
    await unit.start('2s');
    const { pid: first } = await all.line('serving');
    await unit.reload(unit.python('one'));
    await unit.killMain();
    await all.line('rolled back');
    expect(await all.request('hello', { port })).toBe(`hello ${first}`);
    await unit.is({ ActiveState: 'active', SubState: 'running', MainPID: String(first), NRestarts: '0' });

    await unit.reload(unit.python('two'));
    // Its window is over: nobody stands by.
    await unit.alone();
    const since = all.lines.length;
    await unit.killMain();
    const { pid: again } = await all.line('serving', undefined, since);
    expect(await all.request('hello', { port })).toBe(`hello ${again}`);
    await unit.is({ ActiveState: 'active', SubState: 'running', MainPID: String(again), NRestarts: '1' });
  });
});
