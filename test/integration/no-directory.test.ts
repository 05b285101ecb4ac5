/** Where no directory can hold a control socket, only a server's own children take over: through what they inherit. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Generations, type Version } from '../support/generations.js';
import { stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
afterEach(async () => generations.end());

interface Options {
  startCommand?: string;
  controlPath?: string;
  rollbackWindow?: number;
}

function deploy(options: Options = {}, fault?: Version['fault']): void {
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', ...options }], ...(fault && { fault }) });
}

/** Starts a server for which every directory is missing. */
async function serving(
  options: Options | ((optionsPath: string) => Options) = {},
  fault?: Version['fault'],
): Promise<number> {
  generations = new Generations();
  deploy(typeof options === 'function' ? options(generations.optionsPath) : options, fault);
  const nowhere = join(generations.directory, 'nowhere');
  generations.launch({
    environment: { TMPDIR: nowhere, XDG_RUNTIME_DIR: nowhere, RUNTIME_DIRECTORY: nowhere },
  });
  await generations.line('serving');
  return generations.owner;
}

/** What the process that answers has open beside its own. */
function sharedDescriptors(): Promise<string[]> {
  return generations.evaluate(`((fs) => fs.readdirSync('/proc/self/fd')
    .map((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd) } catch { return '' } })
    .filter((target) => /memfd|uninterruptible/.test(target)).sort())(require('fs'))`);
}

describe('a server for which no directory will do', requirement('addon', 'proc'), () => {
  test('hands over to its children, generation after generation', async () => {
    const first = await serving();
    const warning = await generations.line(
      'no control path: only processes that this one starts can take over; set controlPath',
    );
    expect(String(warning['reason'])).toContain('nowhere');
    const port = generations.port();
    const before = await sharedDescriptors();
    expect(before.length).toBeGreaterThan(0);
    let former = first;
    for (let generation = 2; generation <= 4; generation += 1) {
      const owner = await generations.restart();
      expect(generations.port()).toBe(port);
      expect(await generations.request('hello')).toBe(`hello ${owner}`);
      await generations.gone(former);
      expect(await sharedDescriptors()).toEqual(before);
      former = owner;
    }
    const handedOver = generations.lines.filter(({ msg }) => msg === 'handed over');
    expect(handedOver.map(({ pid, successor }) => [pid, successor])).toEqual(
      generations.lines
        .filter(({ msg }) => msg === 'serving')
        .slice(1)
        .map(({ pid, predecessor }) => [predecessor, pid]),
    );
  });

  test.each([
    ['npm start', 'npm'],
    ['exec npx tsx server.ts', 'npx'],
    ['/usr/local/bin/pnpm start', 'pnpm'],
  ])('says at once that the start command "%s" cannot work', async (startCommand, runner) => {
    await serving({ startCommand });
    await generations.line(
      `${runner} passes no descriptors on, so every restart will fail: let startCommand start node itself, or set controlPath`,
    );
  });

  test('passes nothing on to processes that its program starts', async () => {
    await serving();
    await generations.restart();
    const seen = await generations.evaluate<string[]>(`require('child_process')
      .spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }).stdout.split('\\n')
      .filter((line) => /memfd/.test(line)).concat(Object.keys(process.env).filter((name) => /CONTROL_DESC|TOKEN/.test(name)))`);
    expect(seen).toEqual([]);
  });

  test('serves again when its successor dies while it drains, and restarts after that', async () => {
    const first = await serving({ rollbackWindow: 60_000 });
    const second = await generations.restart();
    process.kill(second, 'SIGKILL');
    await generations.line('rolled back');
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    const third = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${third}`);
  });

  test('goes back to its predecessor by order, and forth', async () => {
    const first = await serving({ rollbackWindow: 60_000 });
    const second = await generations.restart();
    expect(JSON.parse(await generations.request('rollback'))).toEqual({ pid: first, generation: 3 });
    await generations.line('rolled back', ({ pid }) => pid === first);
    await generations.until(
      () => generations.lines.some(({ msg, pid }) => msg === 'handed over' && pid === second),
      'the new one to accept no more',
    );
    expect(JSON.parse(await generations.request('rollback'))).toEqual({ pid: second, generation: 4 });
    await generations.line('rolled back', ({ pid }) => pid === second);
    expect(generations.alive().sort()).toEqual([first, second].sort());
  });

  test('is not deceived by a helper that holds its line open: the end of its successor is seen at once', async () => {
    const first = await serving((options) => ({
      startCommand: `sleep 30 & ${process.execPath} ${FIXTURE} ${options}; sleep 30`,
      rollbackWindow: 60_000,
    }));
    const second = await generations.restart();
    process.kill(second, 'SIGKILL');
    await generations.line('rolled back', ({ pid }) => pid === first);
    deploy({}, { at: 'step:ready', action: 'kill' });
    process.kill(first, 'SIGUSR1');
    const { err } = await generations.line('hand-over failed, serving on');
    expect(err).toMatchObject({ code: 'UNINTERRUPTIBLE_HANDOVER_CLOSED' });
    expect(await generations.request('hello')).toBe(`hello ${first}`);
  });

  test('passes a restart that was queued, and a stop that came too late, on to its successor', async () => {
    const first = await serving();
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0' }], warmUp: 300 });
    process.kill(first, 'SIGUSR1');
    await generations.line('taking over');
    process.kill(first, 'SIGUSR1');
    const { pid: third } = await generations.line('serving', ({ generation }) => generation === 3);
    expect(await generations.request('hello')).toBe(`hello ${third}`);
    await generations.line('predecessor gone', ({ pid }) => pid === third);

    deploy({}, { at: 'lock:owner:true', action: 'stop' });
    process.kill(third, 'SIGUSR1');
    const { successor } = await generations.line('successor ready', ({ pid }) => pid === third);
    await generations.until(() => stateOf(Number(successor)) === 'T', 'the successor to be stopped');
    process.kill(third, 'SIGTERM');
    await generations.line('stop ordered', ({ pid }) => pid === third);
    for (const pid of generations.alive()) process.kill(pid, 'SIGCONT');
    await generations.until(() => generations.alive().length === 0, 'everybody to leave');
  });

  test('serves on when the new version fails', async () => {
    const first = await serving();
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0' }], warmUp: 'reject' });
    process.kill(first, 'SIGUSR1');
    const { err } = await generations.line('hand-over failed, serving on');
    expect(err).toMatchObject({ message: expect.stringContaining('warmUp() failed') as string });
    deploy();
    const second = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${second}`);
  });

  test('does not share the service with its child when their connection breaks', async () => {
    const first = await serving({}, { at: 'received:ready', action: 'break' });
    deploy();
    process.kill(first, 'SIGUSR1');
    await generations.line('hand-over failed, serving on');
    await generations.until(() => generations.alive().length === 1, 'the child to leave');
    expect(generations.lines.filter(({ msg }) => msg === 'serving')).toHaveLength(1);
    expect(await generations.request('hello')).toBe(`hello ${first}`);
  });

  test('says so when startCommand does not pass the descriptors on', async () => {
    const first = await serving((options) => ({
      startCommand: `exec ${process.execPath} ${FIXTURE} ${options} 3<&- 4<&-`,
    }));
    process.kill(first, 'SIGUSR1');
    const { err } = await generations.line('hand-over failed, serving on');
    expect(err?.details).toMatchObject({
      lastWords: expect.stringContaining('did not get here') as string,
    });
    expect(await generations.request('hello')).toBe(`hello ${first}`);
  });

  test('hands over to a new version that has a control path, which everybody finds then', async () => {
    await serving();
    const { controlPath } = generations;
    deploy({ controlPath });
    const second = await generations.restart();
    expect(await generations.order({ type: 'status' })).toMatchObject({
      status: { pid: second, controlPath },
    });
    await generations.line('predecessor gone', ({ pid }) => pid === second);
    const launched = generations.launch();
    await generations.line('serving', ({ pid }) => pid === launched.pid);
    expect(await generations.request('hello')).toBe(`hello ${launched.pid}`);
  });
});
