/** Generations as dots, and the lines through all of them: small multiples in one SVG. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { measureNamed } from './measures.js';
import type { Sample } from './sample.js';
import type { Trend } from './trends.js';

type Document = ReturnType<typeof parseHTML>['document'];

/** As much of an element as is needed here. */
interface Panel {
  setAttribute: (name: string, value: string) => void;
  readonly outerHTML: string;
}

const WIDTH = 480;
const HEIGHT = 170;
const COLUMNS = 2;
const COLORS = ['#2166ac', '#e08214'];
/** More dots of one kind cannot be told apart, and make a picture of a megabyte. */
const MOST_DOTS = 250;

/** A title, and what is drawn, each with its name in the picture. */
const PANELS: readonly [title: string, series: readonly [measure: string, name: string][]][] = [
  [
    'memory of each generation, MB',
    [
      ['generation: resident memory', 'resident'],
      ['generation: heap', 'heap'],
    ],
  ],
  [
    'memory of the supervisor, which stays, MB',
    [
      ['supervisor: resident memory', 'resident'],
      ['supervisor: heap', 'heap'],
    ],
  ],
  [
    'descriptors beside connections',
    [
      ['generation: descriptors', 'generation'],
      ['supervisor: descriptors', 'supervisor'],
    ],
  ],
  [
    'threads',
    [
      ['generation: threads', 'generation'],
      ['supervisor: threads', 'supervisor'],
    ],
  ],
  [
    'restart, ms',
    [
      ['time until it answers', 'new one answers'],
      ['time until it serves, undisturbed', 'it serves, undisturbed'],
    ],
  ],
  ['until the old one has left, ms', [['time until the one before has left', 'left']]],
  [
    'processes and files',
    [
      ['processes', 'processes'],
      ['files in the directories', 'files'],
    ],
  ],
  [
    'environment and command line, bytes',
    [
      ['generation: environment', 'environment'],
      ['generation: command line', 'command line'],
    ],
  ],
];

export function plotSoak(samples: readonly Sample[], trends: readonly Trend[]): string {
  const { document } = parseHTML('<html><body></body></html>');
  const rows = Math.ceil(PANELS.length / COLUMNS);
  const panels = PANELS.map(([title, series], at) => {
    const panel = plotPanel(document, title, series, samples, trends);
    panel.setAttribute('x', String((at % COLUMNS) * WIDTH));
    panel.setAttribute('y', String(Math.floor(at / COLUMNS) * HEIGHT));
    // A tenth of a pixel is enough.
    return panel.outerHTML.replaceAll(/(\d\.\d)\d+/g, '$1');
  });
  const [width, height] = [COLUMNS * WIDTH, rows * HEIGHT];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function plotPanel(
  document: Document,
  title: string,
  series: readonly [measure: string, name: string][],
  samples: readonly Sample[],
  trends: readonly Trend[],
): Panel {
  const step = Math.ceil(samples.length / MOST_DOTS);
  const shown = samples.filter((_sample, at) => at % step === 0);
  const dots = series.flatMap(([measure, name]) =>
    shown.flatMap((sample) => {
      const y = measureNamed(measure).of(sample);
      return y === undefined ? [] : [{ x: sample.restart, y, name }];
    }),
  );
  const last = samples.at(-1)?.restart ?? 1;
  const lines = series.flatMap(([measure, name]) => {
    const line = trends.find((trend) => trend.measure.name === measure)?.line;
    if (line === undefined) return [];
    const at = (x: number): number => line.middle.y + line.slope * (x / 1_000 - line.middle.x);
    return [1, last].map((x) => ({ x, y: at(x), name }));
  });
  const place = { x: 'x', y: 'y', stroke: 'name' } as const;
  return Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 55,
    marginTop: 32,
    marginBottom: 28,
    style: { background: 'white', color: 'black' },
    x: { label: null, domain: [0, last] },
    y: { label: null, grid: true, ticks: 4, zero: true, nice: true },
    color: { domain: series.map(([, name]) => name), range: COLORS },
    marks: [
      Plot.dot(dots, { x: 'x', y: 'y', fill: 'name', stroke: 'none', r: 1.2, fillOpacity: 0.6 }),
      Plot.line(lines, { ...place, strokeWidth: 1.5 }),
      Plot.text([title], { frameAnchor: 'top-left', dy: -26, fontWeight: 'bold' }),
      ...series.map(([, name], at) =>
        Plot.text([name], { frameAnchor: 'top-right', dy: -26 + 12 * at, fill: COLORS[at] ?? 'black' }),
      ),
    ],
  });
}
