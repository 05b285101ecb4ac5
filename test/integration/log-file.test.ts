import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Generations, type Line } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
let logPath: string;
beforeEach(() => {
  generations = new Generations();
  logPath = join(generations.directory, 'server.log');
});
afterEach(async () => generations.end());

function linesIn(path: string): Line[] {
  if (!existsSync(path)) return [];
  const complete = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return complete.map((line) => JSON.parse(line) as Line);
}

async function lineIn(path: string, fits: (line: Line) => boolean): Promise<Line> {
  await generations.until(() => linesIn(path).some(fits), `a line in ${path}`);
  return linesIn(path).find(fits)!;
}

test('all generations write one file, which SIGHUP opens anew', requirement('addon'), async () => {
  const { controlPath } = generations;
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath }] });
  generations.launch({ environment: { LOG_PATH: logPath } });
  const { pid: first } = await lineIn(logPath, ({ msg }) => msg === 'serving');
  process.kill(first, 'SIGUSR1');
  const { pid: second } = await lineIn(logPath, ({ msg, pid }) => msg === 'serving' && pid !== first);
  await lineIn(logPath, ({ msg }) => msg === 'leaving');
  for (const { pid, generation } of linesIn(logPath)) expect(generation).toBe(pid === first ? 1 : 2);

  await generations.gone(first);
  renameSync(logPath, `${logPath}.1`);
  process.kill(second, 'SIGHUP');
  await generations.until(() => existsSync(logPath), 'the new file');
  const before = linesIn(`${logPath}.1`).length;
  process.kill(second, 'SIGTERM');
  await lineIn(logPath, ({ msg }) => msg === 'stopped');
  expect(linesIn(`${logPath}.1`)).toHaveLength(before);
  expect(generations.lines).toEqual([]);
});

test('LOG_LEVEL takes the names of the Ruby gem', requirement('addon'), async () => {
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', allowedNetworks: ['192.0.2.1'] }] });
  generations.launch({ environment: { LOG_LEVEL: 'DEBUG', LOG_PATH: logPath } });
  await lineIn(logPath, ({ level, msg }) => level === 20 && msg.endsWith('→ serving'));
});
