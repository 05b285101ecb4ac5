// The demo in one line, while it runs.
import { count, perSecond, seconds } from './format.mjs';

export function progressLine(progress, current) {
  if (progress === undefined) return '';
  const { elapsed, rate, answered, lost, longLived } = progress;
  return [
    seconds(elapsed),
    perSecond(rate),
    `${count(answered)} answered`,
    `${count(lost)} lost`,
    `${longLived.open} held open`,
    `generation ${current.generation}, pid ${current.pid}`,
  ].join('   ');
}
