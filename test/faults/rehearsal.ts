/** Hand-overs in which nothing goes wrong: which points there are, and what is open afterwards. */
import { nameOfPoint, type Start } from './fault.js';
import type { Point } from './interposer.js';
import { type Baseline, least } from './open-descriptors.js';
import { tryPlan } from './trial.js';

/** A point counts that any of so many has reached. */
const TIMES = 3;

export interface Rehearsal {
  points: Point[];
  baseline: Baseline;
}

export async function rehearse(start: Start, library: string, rate: number): Promise<Rehearsal> {
  const points = new Map<string, Point>();
  const outcomes = await Promise.all(
    Array.from({ length: TIMES }, () =>
      tryPlan({ start, faults: [] }, { library, rate, baseline: undefined }),
    ),
  );
  for (const outcome of outcomes) {
    if (outcome.problems.length > 0) {
      throw new Error(`without any fault: ${outcome.problems.join('; ')}\n${outcome.log}`);
    }
    for (const point of outcome.points) points.set(nameOfPoint(point), point);
  }
  return { points: [...points.values()], baseline: least(...outcomes.map(({ baseline }) => baseline)) };
}
