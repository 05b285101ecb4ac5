/** The line through the values of many generations, and what is made of it: true growth is found, noise is not taken for it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seeded } from '../faults/random.js';
import { fitLine, type Point } from './fit.js';

function points(count: number, y: (at: number) => number): Point[] {
  return Array.from({ length: count }, (_, at) => ({ x: at / 1_000, y: y(at) }));
}

/** Neighbours are alike, as memory and times of neighbouring generations are; the deviation is about 1. */
function noise(random: () => number): () => number {
  let state = 0;
  return () => {
    state = 0.5 * state + (random() - 0.5) * 3;
    return state;
  };
}

describe('the line through values', () => {
  test('has the slope of a straight one, and no doubt of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 7, max: 1_500 }), fc.integer({ min: -99, max: 99 }), (count, slope) => {
        const line = fitLine(points(count, (at) => 50 + (slope * at) / 1_000));
        for (const found of [line?.slope, line?.low, line?.high]) expect(found).toBeCloseTo(slope, 6);
      }),
      { numRuns: 50 },
    );
  });

  test('is not drawn through too few', () => {
    expect(fitLine(points(6, (at) => at))).toBeUndefined();
  });

  test('does not care for outliers, however far out', () => {
    const line = fitLine(points(1_000, (at) => (at % 9 === 0 ? 1e9 : at / 1_000)));
    expect(line?.slope).toBeCloseTo(1, 3);
  });

  test('goes through the middle', () => {
    const { middle, slope } = fitLine(points(101, (at) => 5 + at))!;
    expect(middle.y + slope * (0.1 - middle.x)).toBeCloseTo(105, 6);
  });

  test.for([
    [12, 0, 0],
    [12, 2_000, 1],
    [1_000, 0, 0],
    [1_000, 5, 1],
  ] as const)('of %i noisy values with slope %i is above 1 in a share of %i', ([count, slope, share]) => {
    const random = seeded(7);
    const runs = 300;
    let above = 0;
    for (let run = 0; run < runs; run += 1) {
      const disturb = noise(random);
      const line = fitLine(points(count, (at) => (slope * at) / 1_000 + disturb()));
      if (line!.low > 1) above += 1;
    }
    expect(Math.abs(above / runs - share)).toBeLessThan(0.01);
  });
});
