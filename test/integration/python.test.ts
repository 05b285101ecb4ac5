/** The hand-over protocol is a public contract: examples/adopt.py, written from docs/protocol.md, keeps it on both sides. */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Generations, type Version } from '../support/generations.js';
import { startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';

const ADOPT = fileURLToPath(new URL('../../examples/adopt.py', import.meta.url));

let generations: Generations;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await generations.end();
});

/** Starts a server in Node with a listener of each family. */
async function start(version: Version = {}, options: Record<string, unknown> = {}): Promise<number> {
  generations = new Generations();
  generations.deploy({ servers: [{ ...server(), ...options }], ...version });
  generations.launch();
  return (await generations.line('serving')).pid;
}

function server(): { bind: string[]; controlPath: string } {
  return { bind: ['tcp://127.0.0.1:0', `unix://${unixPath()}`], controlPath: generations.controlPath };
}

function unixPath(): string {
  return join(generations.directory, 'echo.sock');
}

function launchPython(): ChildProcess {
  return generations.launch({ command: ['python3', '-B', ADOPT, generations.controlPath] });
}

/** Waits until a process that was launched has taken over, and nobody else accepts any more. */
async function takenOverBy(child: ChildProcess): Promise<number> {
  const since = generations.lines.length;
  const before = generations.owner;
  await generations.line('serving', ({ pid }) => pid === child.pid);
  await generations.line('draining', ({ pid }) => pid === before, since);
  return child.pid ?? 0;
}

/** Milliseconds from one owner to the next, in order. */
function tenures(): number[] {
  const serving = generations.lines.filter(({ msg }) => msg === 'serving');
  const times = serving.map(({ time }) => new Date(time as string | number).getTime());
  return times.slice(1).map((time, at) => time - (times[at] ?? 0));
}

/** A connection that stays keeps whoever accepted it draining. Resolves when the server has answered on it once. */
async function hold(): Promise<Socket> {
  const socket = connect(generations.port(), '127.0.0.1');
  cleanups.push(() => socket.destroy());
  socket.write('keep 1\n');
  await once(socket, 'data');
  return socket;
}

async function expectAnswersOf(pid: number): Promise<void> {
  expect(await generations.request('hello')).toBe(`hello ${pid}`);
  expect(await generations.request('hello', { path: unixPath() })).toBe(`hello ${pid}`);
}

describe('a program in Python', { ...requirement('addon', 'python3'), timeout: 60_000 }, () => {
  test('takes over from Node and gives back, round after round under load: nothing is lost', async () => {
    const owners = [await start({ stay: true })];
    const loads = await Promise.all(
      [{ port: generations.port() }, { path: unixPath() }].map((target) =>
        startLoad({ target, rate: 300, answer: 'echo-pid', longLived: { count: 5, holdFor: 300 } }),
      ),
    );
    cleanups.push(() => Promise.all(loads.map((load) => load.kill())));
    for (let round = 0; round < 3; round++) {
      owners.push(await takenOverBy(launchPython()), await takenOverBy(generations.launch()));
    }
    owners.push(await generations.restart());
    for (const pid of owners.slice(0, -1)) await generations.gone(pid);

    for (const load of loads) {
      const result = await load.stop();
      expect(result).toMatchObject({ lost: 0, rate: { reached: true }, longLived: { cuts: [] } });
      expect(Object.keys(result.pids).map(Number).sort()).toEqual(owners.toSorted());
    }
    expect(generations.alive()).toEqual([owners.at(-1)]);
    // Between take-overs of processes that nobody has sent for lies a second; the first owner may be followed at once.
    expect(Math.min(...tenures().slice(1, -1))).toBeGreaterThan(950);
  });

  test('stops for good at SIGTERM, after the Node process that stood by, and leaves nothing behind', async () => {
    const first = await start({}, { rollbackWindow: 30_000 });
    const python = launchPython();
    await takenOverBy(python);
    const held = await hold();
    python.kill('SIGTERM');
    await generations.line('can no longer serve again', ({ reason }) => reason === 'the owner said bye');
    await generations.gone(first);
    held.end();
    expect(await once(python, 'exit')).toEqual([0, null]);
    expect(readdirSync(generations.directory).sort()).toEqual(['control.lock', 'options.json']);
  });

  test('says bye to the Node process behind it when another one has taken over', async () => {
    const first = await start({}, { rollbackWindow: 30_000 });
    await hold();
    const python = await takenOverBy(launchPython());
    const third = await takenOverBy(generations.launch());
    const { reason } = await generations.line('can no longer serve again', ({ pid }) => pid === first);
    expect(reason).toBe('the owner said bye');
    await generations.gone(python);
    // The first one still has a connection, and has told the new owner so.
    expect(await generations.order({ type: 'status' })).toMatchObject({
      status: { pid: third, generation: 3, draining: [{ pid: first, connections: 1 }] },
    });
  });

  test('killed as the owner, gives way to the Node process behind it, which can be taken over from', async () => {
    const first = await start({}, { rollbackWindow: 30_000 });
    const python = launchPython();
    await takenOverBy(python);
    python.kill('SIGKILL');
    await generations.line('rolled back');
    await expectAnswersOf(first);
    await expectAnswersOf(await takenOverBy(generations.launch()));
  });

  test('serves on whatever a new version in Node does wrong', async () => {
    await start();
    const python = await takenOverBy(launchPython());
    const wrong: Version[] = [
      { warmUp: 'reject' },
      { fault: { at: 'received:offer', action: 'kill' } },
      { fault: { at: 'sent:ready', action: 'kill' } },
      { fault: { at: 'received:yours', action: 'kill' } },
      { fault: { at: 'lock:owner:true', action: 'kill' } },
      { fault: { at: 'lock:next:false', action: 'kill' } },
    ];
    for (const version of wrong) {
      generations.deploy({ servers: [server()], ...version });
      const since = generations.lines.length;
      const node = generations.launch();
      await once(node, 'exit');
      await generations.line('hand-over failed, serving on', ({ pid }) => pid === python, since);
      await expectAnswersOf(python);
      expect(await generations.order({ type: 'status' }), JSON.stringify(version)).toMatchObject({
        status: { pid: python, state: 'serving' },
      });
    }
  });

  test('is taken over from at the second try when the connection breaks at the first', async () => {
    await start();
    const python = await takenOverBy(launchPython());
    generations.deploy({ servers: [server()], fault: { at: 'sent:ready', action: 'break' } });
    const node = await takenOverBy(generations.launch());
    await expectAnswersOf(node);
    await generations.gone(python);
  });

  test('serves again when the Node process that took over dies while Python drains', async () => {
    await start();
    const python = await takenOverBy(launchPython());
    const held = await hold();
    const node = generations.launch();
    await takenOverBy(node);
    node.kill('SIGKILL');
    await generations.line('rolled back', ({ pid }) => pid === python);
    await expectAnswersOf(python);
    held.write('keep 2\n');
    expect(String((await once(held, 'data'))[0])).toBe(`keep 2 ${python}\n`);
  });

  test('ends the listeners that a new version in Node has no use for', async () => {
    await start();
    await takenOverBy(launchPython());
    await hold();
    const port = generations.port();
    generations.deploy({ servers: [{ ...server(), bind: `unix://${unixPath()}` }] });
    await takenOverBy(generations.launch());
    await expect(generations.request('hello', { port })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('takes over and hands on more listeners than fit into one packet', async () => {
    generations = new Generations();
    const names = Array.from({ length: 300 }, (_, at) => `unix://${generations.directory}/${at}`);
    generations.deploy({ servers: [{ ...server(), bind: names }] });
    generations.launch();
    await generations.line('serving');
    await takenOverBy(launchPython());
    const node = await takenOverBy(generations.launch());
    const { listeners } = await generations.line('serving', ({ pid }) => pid === node);
    expect(listeners).toEqual(names);
    for (const name of [names[0], names[253], names[299]]) {
      const path = (name ?? '').replace('unix://', '');
      expect(await generations.request('hello', { path })).toBe(`hello ${node}`);
    }
  });

  test('leaves with an error where no server is', async () => {
    generations = new Generations();
    const python = launchPython();
    expect(await once(python, 'exit')).toEqual([1, null]);
    await generations.until(() => generations.stderr.includes('there is no server'), 'its last words');
    expect(readdirSync(generations.directory)).toEqual(['control.lock']);
  });
});
