// Ctrl-C and its kin: the first ends the demo tidily, the second at once. Neither leaves anything behind.
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Rejects at the first signal; the second one ends the process. */
export function firstSignal() {
  return new Promise((_, reject) => {
    let signals = 0;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        signals += 1;
        const exitCode = 128 + constants.signals[signal];
        if (signals > 1) process.exit(exitCode);
        reject(Object.assign(new Error(`interrupted by ${signal}`), { exitCode }));
      });
    }
  });
}
