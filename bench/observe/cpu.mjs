import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds of processor time that all threads of a process have had; finer than the ticks of /proc/PID/stat. */
export function cpuOf(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => {
      try {
        return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
      } catch {
        return 0; // the thread has just ended
      }
    })
    .reduce((sum, time) => sum + time, 0);
}
