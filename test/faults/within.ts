/** Waits for what has no event. */
import { setTimeout as delay } from 'node:timers/promises';

const DEADLINE = 5_000;
const POLL = 20;

/** Rejects with the last error, or because it did not become true; it is asked once more after the deadline. */
export async function within(
  holds: () => boolean | Promise<boolean>,
  deadline: number = DEADLINE,
): Promise<void> {
  const end = performance.now() + deadline;
  for (;;) {
    const isLast = performance.now() > end;
    let failure: unknown = new Error(`it did not become so within ${deadline} ms`);
    try {
      if (await holds()) return;
    } catch (error) {
      failure = error;
    }
    if (isLast) throw failure;
    await delay(POLL);
  }
}
