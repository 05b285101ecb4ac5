/** When another process ends: by a pidfd, or, where the kernel has none, by looking at it. */
import type { Binding, ControlSocket } from '../binding.js';

/** How often it is looked at where the kernel knows no pidfd. */
const POLL_MILLISECONDS = 50;

export interface EndOfProcess {
  /** Whether it has ended; asked until it says yes. */
  hasEnded: () => boolean;
  /** Whether this process stays alive until then. */
  keepsAlive: boolean;
}

/** Resolves when the process has ended. Never rejects. */
export function watchEnd(
  binding: Binding,
  pid: number,
  { hasEnded, keepsAlive }: EndOfProcess,
): Promise<void> {
  return new Promise((resolve) => {
    const poll = (): void => {
      const timer = setInterval(() => {
        if (!hasEnded()) return;
        clearInterval(timer);
        resolve();
      }, POLL_MILLISECONDS);
      if (!keepsAlive) timer.unref();
    };
    let watcher: ControlSocket;
    try {
      watcher = new binding.ControlSocket(binding.openProcess(pid), () => {
        watcher.close();
        if (hasEnded()) resolve();
        else poll();
      });
      watcher.watch(true, false);
      if (keepsAlive) watcher.ref();
    } catch {
      // Before Linux 5.3; or no descriptor is left; or it has ended, and was waited for.
      poll();
    }
  });
}
