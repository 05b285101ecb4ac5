/** Draining in three steps: announce, wait until every connection has ended by itself, drop the rest at the deadline. */
import type { ConnectionTracker } from '../connections/connection-tracker.js';

const HOUR_MILLISECONDS = 3_600_000;
const REPORT_MILLISECONDS = 1_000;

export interface DrainOptions {
  /** Milliseconds until what is left is destroyed; null = never. */
  deadline: number | null;
  /** Gives the drain up (rollback): nothing is destroyed, `drain` resolves with null. */
  signal: AbortSignal;
  /** At most once a second, while the number changes. */
  onProgress: (connections: number) => void;
  /** Once an hour where there is no deadline. */
  onLongWait: (connections: number) => void;
}

/** Resolves with how many connections the deadline cut, or null when it was given up. */
export async function drain(
  trackers: readonly ConnectionTracker[],
  options: DrainOptions,
): Promise<number | null> {
  const left = (): number => trackers.reduce((sum, tracker) => sum + tracker.active, 0);
  for (const tracker of trackers) tracker.announceDrain();
  let reported = left();
  if (reported > 0) options.onProgress(reported);

  const timers: NodeJS.Timeout[] = [];
  let cut = 0;
  const outcome = await new Promise<'drained' | 'given-up'>((resolve) => {
    void Promise.all(trackers.map((tracker) => tracker.whenEmpty())).then(() => resolve('drained'));
    if (options.signal.aborted) resolve('given-up');
    options.signal.addEventListener('abort', () => resolve('given-up'), { once: true });
    timers.push(
      setInterval(() => {
        if (left() === reported) return;
        reported = left();
        options.onProgress(reported);
      }, REPORT_MILLISECONDS).unref(),
    );
    if (options.deadline === null) {
      timers.push(setInterval(() => options.onLongWait(left()), HOUR_MILLISECONDS).unref());
    } else {
      timers.push(
        setTimeout(() => {
          for (const tracker of trackers) cut += tracker.destroyAll();
        }, options.deadline),
      );
    }
  });
  for (const timer of timers) clearTimeout(timer);
  return outcome === 'drained' ? cut : null;
}
