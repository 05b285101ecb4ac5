/** Draining in three steps: announce, wait until every connection has ended by itself, drop the rest at the deadline. */
import type { Tracker } from '../connections/connection-tracker.js';

const HOUR_MILLISECONDS = 3_600_000;
const REPORT_MILLISECONDS = 1_000;

export interface DrainOptions {
  /** Milliseconds until what is left is destroyed; null = never. */
  deadline: number | null;
  /** The deadline is now. */
  hurry: AbortSignal;
  /** Gives the drain up (rollback): nothing is destroyed, `drain` resolves with null. */
  signal: AbortSignal;
  /** At most once a second, when the number of the open or of the busy ones has changed. */
  onProgress: () => void;
  /** Milliseconds until `onLongWait` is called for the first time. */
  patience: number;
  /** Once more each hour. */
  onLongWait: (connections: number) => void;
}

/** Resolves with how many connections the deadline cut, or null when it was given up. */
export async function drain(trackers: readonly Tracker[], options: DrainOptions): Promise<number | null> {
  const left = (): number => trackers.reduce((sum, tracker) => sum + tracker.active, 0);
  const counts = (): string => `${left()} ${trackers.reduce((sum, tracker) => sum + tracker.idle, 0)}`;
  let reported = counts();
  for (const tracker of trackers) tracker.announceDrain();

  const timers: NodeJS.Timeout[] = [];
  // Both signals live longer than a drain that was given up, and the next one counts for itself what it cuts.
  const over = new AbortController();
  const once = { once: true, signal: over.signal };
  let cut = 0;
  const outcome = await new Promise<'drained' | 'given-up'>((resolve) => {
    void Promise.all(trackers.map((tracker) => tracker.whenEmpty())).then(() => resolve('drained'));
    if (options.signal.aborted) resolve('given-up');
    options.signal.addEventListener('abort', () => resolve('given-up'), once);
    timers.push(
      // Keeps the process alive: a connection whose client has ended, and whose handler waits for a promise, does not.
      setInterval(() => {
        const now = counts();
        if (now === reported) return;
        reported = now;
        options.onProgress();
      }, REPORT_MILLISECONDS),
      setTimeout(() => {
        options.onLongWait(left());
        timers.push(setInterval(() => options.onLongWait(left()), HOUR_MILLISECONDS));
      }, options.patience),
    );
    const cutAll = (): void => {
      for (const tracker of trackers) cut += tracker.destroyAll();
    };
    if (options.deadline !== null) timers.push(setTimeout(cutAll, options.deadline));
    if (options.hurry.aborted) cutAll();
    options.hurry.addEventListener('abort', cutAll, once);
  });
  over.abort();
  for (const timer of timers) clearTimeout(timer);
  return outcome === 'drained' ? cut : null;
}
