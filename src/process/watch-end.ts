/** When another process ends: by a pidfd, or, where the kernel has none, by looking at it. */
import type { Binding, ControlSocket, Descriptor } from '../binding.js';

/** How often it is looked at where the kernel knows no pidfd. */
const POLL_MILLISECONDS = 50;

export interface EndOfProcess<End> {
  /** How it has ended; undefined while it runs. Asked until it answers. */
  look: () => End | undefined;
  /** Whether this process stays alive until then. */
  keepsAlive: boolean;
}

/** Resolves when the process has ended. Never rejects. */
export function watchEnd<End>(
  binding: Binding,
  pid: number,
  { look, keepsAlive }: EndOfProcess<End>,
): Promise<End> {
  return new Promise((resolve) => {
    const hasEnded = (): boolean => {
      const end = look();
      if (end === undefined) return false;
      resolve(end);
      return true;
    };
    const poll = (): void => {
      const timer = setInterval(() => {
        if (hasEnded()) clearInterval(timer);
      }, POLL_MILLISECONDS);
      if (!keepsAlive) timer.unref();
    };
    let pidfd: Descriptor | undefined;
    let watcher: ControlSocket | undefined;
    try {
      pidfd = binding.openProcess(pid);
      watcher = new binding.ControlSocket(pidfd, () => {
        watcher?.close();
        if (!hasEnded()) poll();
      });
      watcher.watch(true, false);
      if (keepsAlive) watcher.ref();
    } catch {
      // Before Linux 5.3; or no descriptor is left; or it has ended, and was waited for.
      pidfd?.close();
      watcher?.close();
      poll();
    }
  });
}
