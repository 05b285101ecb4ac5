/** A straight line through noise (Theil–Sen), and how far its slope can be trusted. */

export interface Point {
  x: number;
  y: number;
}

export interface Line {
  /** Of y for each x. */
  slope: number;
  /** Between these it is, but for one run in a thousand. */
  low: number;
  high: number;
  /** The middle of all values, which the line goes through. */
  middle: Point;
}

/** Values that stand beside each other are alike: of more points than this, neighbours count as one. */
const MOST_POINTS = 100;
/** With fewer no interval is finite. */
const LEAST_POINTS = 7;
/** Of a normal distribution 99.9 % are within so many deviations. */
const DEVIATIONS = 3.29;

/** The median of the slopes between any two points, and Sen's interval for it; undefined where there are too few. */
export function fitLine(all: readonly Point[]): Line | undefined {
  const points = thinned(all);
  if (points.length < LEAST_POINTS) return undefined;
  const slopes = Float64Array.from(slopesBetween(points)).sort();
  const reach = (DEVIATIONS * kendallDeviation(points)) / 2;
  const center = (slopes.length - 1) / 2;
  return {
    slope: median(slopes),
    low: slopes[Math.max(0, Math.floor(center - reach))]!,
    high: slopes[Math.min(slopes.length - 1, Math.ceil(center + reach))]!,
    middle: { x: median(points.map(({ x }) => x)), y: median(points.map(({ y }) => y)) },
  };
}

export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Medians of neighbours, as many as make few enough points. */
function thinned(points: readonly Point[]): readonly Point[] {
  const together = Math.ceil(points.length / MOST_POINTS);
  if (together <= 1) return points;
  return Array.from({ length: Math.floor(points.length / together) }, (_, at) => {
    const some = points.slice(at * together, (at + 1) * together);
    return { x: median(some.map(({ x }) => x)), y: median(some.map(({ y }) => y)) };
  });
}

function slopesBetween(points: readonly Point[]): number[] {
  return points.flatMap((to, at) => points.slice(0, at).map((from) => (to.y - from.y) / (to.x - from.x)));
}

/** The standard deviation of Kendall's S, without a trend: so many of the slopes' signs may come out either way. */
function kendallDeviation({ length }: readonly Point[]): number {
  return Math.sqrt((length * (length - 1) * (2 * length + 5)) / 18);
}
