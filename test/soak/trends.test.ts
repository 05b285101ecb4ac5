/** What is said of the values of many generations. */
import { expect, test } from 'vitest';
import { seeded } from '../faults/random.js';
import type { Look, Sample } from './sample.js';
import { trendsOf, type Verdict } from './trends.js';

const random = seeded(3);
const noise = (size: number): number => (random() - 0.5) * size;

function sample(restart: number, more: Partial<Look> = {}): Sample {
  const descriptors = { sockets: 8, pipes: 4, events: 9, files: 3 };
  const generation: Look = {
    msg: 'looked',
    level: 30,
    pid: restart,
    generation: restart + 1,
    resident: 60e6 + noise(6e6),
    heap: 8e6 + noise(1e6),
    external: 2e6,
    threads: 11,
    connections: 400,
    descriptors,
    environment: 900,
    words: 90,
    waited: 50,
    ...more,
  };
  return {
    restart,
    pid: restart,
    orderedAt: 0,
    times: { serving: 200 + noise(100), left: 3_000 },
    generation,
    supervisor: generation,
    family: { alive: 6, zombies: 0 },
    files: 9,
    kernel: { sockets: 500 + Math.round(noise(50)), queued: noise(1e6) },
  };
}

function verdicts(count: number, make: (restart: number) => Sample): Map<string, Verdict> {
  const trends = trendsOf(Array.from({ length: count }, (_, at) => make(at + 1)));
  return new Map(trends.map(({ measure, verdict }) => [measure.name, verdict]));
}

test('a thousand generations alike are flat in every respect that was measured', () => {
  const found = verdicts(1_000, (restart) => sample(restart));
  expect(new Set([...found].filter(([, verdict]) => verdict !== 'flat').map(([name]) => name))).toEqual(
    new Set(['time until it answers']), // nobody has told
  );
});

test('one descriptor more in each generation grows, after few restarts already', () => {
  const found = verdicts(12, (restart) =>
    sample(restart, { descriptors: { sockets: 8, pipes: 4, events: 9, files: 3 + restart } }),
  );
  expect(found.get('generation: files')).toBe('grows');
  expect(found.get('generation: descriptors')).toBe('grows');
  expect(found.get('generation: pipes')).toBe('flat');
});

test('ten kilobytes more in each generation grow, in a thousand', () => {
  const grown = (restart: number): Sample =>
    sample(restart, { resident: 60e6 + noise(6e6) + restart * 10e3 });
  expect(verdicts(1_000, grown).get('generation: resident memory')).toBe('grows');
  expect(verdicts(12, grown).get('generation: resident memory')).toBe('undecided');
});

test('what the first generations do is their warm-up', () => {
  const found = verdicts(100, (restart) =>
    sample(restart, { environment: restart <= 20 ? restart * 900 : 900 }),
  );
  expect(found.get('generation: environment')).toBe('flat');
});

test('a machine that becomes busier is no failure, a restart that takes longer by itself is', () => {
  const slower = (waited: number, restart: number): Sample => {
    const { times, ...rest } = sample(restart, { waited: waited * restart });
    return { ...rest, times: { ...times, serving: times.serving + restart } };
  };
  const busy = verdicts(500, (restart) => slower(1, restart));
  expect(busy.get('time until it serves')).toBe('undecided');
  expect(busy.get('time until it serves, undisturbed')).toBe('flat');
  expect(verdicts(500, (restart) => slower(0, restart)).get('time until it serves, undisturbed')).toBe(
    'grows',
  );
});
