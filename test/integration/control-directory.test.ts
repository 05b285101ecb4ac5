import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

/** Starts a server that nobody told a control path, and whose temporary directory is empty but for what the test puts there. */
async function serving(prepare: (temporary: string) => void = () => undefined): Promise<string> {
  generations = new Generations();
  const temporary = join(generations.directory, 'tmp');
  mkdirSync(temporary);
  prepare(temporary);
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0' }] });
  generations.launch({ environment: { TMPDIR: temporary, XDG_RUNTIME_DIR: '', RUNTIME_DIRECTORY: '' } });
  await generations.line('serving');
  return temporary;
}

function perUser(temporary: string): string {
  return join(temporary, `uninterruptible-${process.geteuid?.()}`);
}

/** The control path of the owner, as it says itself. */
async function controlPathIn(directory: string): Promise<string> {
  const [name, ...more] = readdirSync(directory).filter((each) =>
    /^uninterruptible-[A-Za-z0-9]{6}$/.test(each),
  );
  expect(more).toEqual([]);
  const path = join(directory, name ?? '', 'control');
  expect(await generations.order({ type: 'status' }, undefined, path)).toMatchObject({
    status: { controlPath: path, pid: generations.owner },
  });
  return path;
}

describe('a control path that nobody named', requirement('addon', 'proc'), () => {
  test('is handed on from generation to generation, and leaves nothing at the final stop', async () => {
    const temporary = await serving();
    const path = await controlPathIn(perUser(temporary));
    for (let restarts = 0; restarts < 2; restarts += 1) {
      await generations.restart();
      expect(await controlPathIn(perUser(temporary))).toBe(path);
    }
    process.kill(generations.owner, 'SIGTERM');
    await generations.until(() => generations.alive().length === 0, 'everybody to leave');
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('is not in a place that was squatted', async () => {
    const temporary = await serving((directory) => {
      mkdirSync(join(directory, 'trap'));
      symlinkSync(join(directory, 'trap'), perUser(directory));
    });
    const path = await controlPathIn(temporary);
    await generations.restart();
    expect(await controlPathIn(temporary)).toBe(path);
    expect(readdirSync(join(temporary, 'trap'))).toEqual([]);
  });
});
