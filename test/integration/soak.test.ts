/** `npm run soak`, shortly: it counts what happens, and a service that does something wrong on purpose fails it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { environmentOfNode, ROOT } from '../support/packed.js';
import { requirement } from '../support/requirements.js';

const PROGRAM = fileURLToPath(new URL('../soak/main.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'soak-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Results {
  restarts: number;
  good: boolean;
  problems: string[];
  mostDraining: number;
  traffic: Record<string, number>;
  lost: { total: number; counts: Record<string, number> };
  trends: { name: string; verdict: string }[];
  values: Record<string, (number | null)[]>;
}

interface Ran {
  code: number | null;
  output: string;
  svg: string;
  results: () => Results;
}

async function soak(name: string, ...words: string[]): Promise<Ran> {
  const [json, svg] = [join(folder, `${name}.json`), join(folder, `${name}.svg`)];
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', PROGRAM, '--json', json, '--svg', svg, ...words],
    { cwd: ROOT, env: environmentOfNode(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return {
    code: child.exitCode,
    output: output + errors,
    svg,
    results: () => JSON.parse(readFileSync(json, 'utf8')) as Results,
  };
}

describe('a soak', requirement('addon', 'proc', 'openssl'), () => {
  test('of a service that does nothing wrong counts everything, and finds nothing', async () => {
    const { code, output, svg, results } = await soak('good', '--restarts', '15', '--connections', '100');
    expect(code, output).toBe(0);
    const { restarts, good, problems, lost, traffic, mostDraining, trends, values } = results();
    expect({ restarts, good, problems, lost }).toMatchObject({
      restarts: 15,
      good: true,
      problems: [],
      lost: { total: 0, counts: {} },
    });
    // Every kind of client was there, and every value was measured in each generation.
    expect(Object.values(traffic).filter((count) => count === 0)).toEqual([]);
    expect(mostDraining).toBeGreaterThan(0);
    const unknown = Object.entries(values).filter(([, of]) => of.length !== 15 || of.includes(null));
    expect(unknown.map(([name]) => name)).toEqual([]);
    expect(trends.filter(({ verdict }) => verdict === 'grows')).toEqual([]);
    expect(values['generation: environment']?.at(-1)).toBeGreaterThan(100);
    expect(values['generation: descriptors']?.at(-1)).toBeGreaterThan(10);
    expect(output).toMatch(/^generation: files +\d/m);
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg xmlns=/);
  });

  test('of a service that leaks and loses says what, and fails', async () => {
    const plants = ['descriptor', 'environment', 'file', 'loss'];
    const { code, output, results } = await soak(
      'planted',
      ...['--restarts', '10', '--connections', '20', '--plant', ...plants],
    );
    expect(code, output).toBe(1);
    const { good, problems, lost, trends } = results();
    const growing = trends.filter(({ verdict }) => verdict === 'grows').map(({ name }) => name);
    expect(good).toBe(false);
    expect(growing).toEqual(
      expect.arrayContaining(['generation: files', 'generation: environment', 'files in the directories']),
    );
    expect(growing).not.toContain('generation: pipes');
    expect(problems.join()).toContain('files left');
    expect(lost.total).toBeGreaterThan(0);
    for (const word of ['GROWS generation: files', 'GROWS generation: environment', 'FAILED']) {
      expect(output).toContain(word);
    }
  });

  test('that is asked for something unknown says so, with exit code 2', async () => {
    const { code, output } = await soak('wrong', '--restarts', 'many');
    expect(code).toBe(2);
    expect(output).toContain('It must be a whole number from 1.');
  });
});
