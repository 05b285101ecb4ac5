/** What must not grow, and how much of a slope is none. */
import type { Look, Sample } from './sample.js';

export interface Measure {
  name: string;
  unit: string;
  /** By so much it may grow in 1,000 restarts, or in fewer: more than settling comes to, less than one thing a restart. */
  tolerance: number;
  /** With fewer values nothing is said: the machine may just have become busier. */
  least?: number;
  /** It becomes more when others use the machine more, which is no failure of ours. */
  followsMachine?: true;
  of: (sample: Sample) => number | undefined;
}

const MEGABYTE = 1e6;
const LEAST_TIMES = 100;

/** Of one that inherits, and of the one that stays. */
const ofProcess = (who: string, look: (sample: Sample) => Look | undefined): Measure[] => {
  const measure = (name: string, unit: string, tolerance: number, of: (look: Look) => number): Measure => ({
    name: `${who}: ${name}`,
    unit,
    tolerance,
    of: (sample) => {
      const seen = look(sample);
      return seen && of(seen);
    },
  });
  return [
    measure('resident memory', 'MB', 3, ({ resident }) => resident / MEGABYTE),
    measure('heap', 'MB', 1, ({ heap }) => heap / MEGABYTE),
    measure('buffers', 'MB', 1, ({ external }) => external / MEGABYTE),
    measure('threads', '', 1, ({ threads }) => threads),
    measure(
      'descriptors',
      '',
      5,
      ({ descriptors: { sockets, pipes, events, files } }) => sockets + pipes + events + files,
    ),
    measure('sockets', '', 5, ({ descriptors }) => descriptors.sockets),
    measure('pipes', '', 2, ({ descriptors }) => descriptors.pipes),
    measure('events', '', 2, ({ descriptors }) => descriptors.events),
    measure('files', '', 2, ({ descriptors }) => descriptors.files),
  ];
};

export const MEASURES: readonly Measure[] = [
  ...ofProcess('generation', ({ generation }) => generation),
  {
    name: 'generation: environment',
    unit: 'bytes',
    tolerance: 20,
    of: ({ generation }) => generation.environment,
  },
  {
    name: 'generation: command line',
    unit: 'bytes',
    tolerance: 20,
    of: ({ generation }) => generation.words,
  },
  ...ofProcess('supervisor', ({ supervisor }) => supervisor),
  { name: 'processes', unit: '', tolerance: 2, of: ({ family }) => family.alive },
  { name: 'zombies', unit: '', tolerance: 1, of: ({ family }) => family.zombies },
  { name: 'files in the directories', unit: '', tolerance: 2, of: ({ files }) => files },
  { name: 'kernel: sockets', unit: '', tolerance: 30, of: ({ kernel }) => kernel.sockets },
  { name: 'kernel: queued', unit: 'MB', tolerance: 2, of: ({ kernel }) => kernel.queued / MEGABYTE },
  {
    name: 'time until it serves, undisturbed',
    unit: 'ms',
    tolerance: 100,
    least: LEAST_TIMES,
    of: ({ times, generation }) => times.serving - (generation.waited ?? NaN),
  },
  {
    name: 'time until it serves',
    unit: 'ms',
    tolerance: 100,
    least: LEAST_TIMES,
    followsMachine: true,
    of: ({ times }) => times.serving,
  },
  {
    name: 'time until it answers',
    unit: 'ms',
    tolerance: 100,
    least: LEAST_TIMES,
    followsMachine: true,
    of: ({ times }) => times.answering,
  },
  {
    name: 'time until the one before has left',
    unit: 'ms',
    tolerance: 500,
    least: LEAST_TIMES,
    followsMachine: true,
    of: ({ times }) => times.left,
  },
];

export function measureNamed(name: string): Measure {
  const found = MEASURES.find((measure) => measure.name === name);
  if (found === undefined) throw new Error(`no measure is called ${name}`);
  return found;
}
