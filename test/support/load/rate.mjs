// The rate that was really made. Below 95 % of what was asked for, a run proves less than it says.

const SUFFICIENT = 0.95;

export function achievedRate(requested, attempted, elapsed) {
  const achieved = elapsed > 0 ? (attempted / elapsed) * 1000 : 0;
  const fraction = requested > 0 ? achieved / requested : 1;
  return { requested, achieved, fraction, reached: fraction >= SUFFICIENT };
}
