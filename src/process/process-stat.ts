/** What the kernel tells of any process in /proc/<pid>/stat. Linux only. */
import { readFileSync } from 'node:fs';

export interface ProcessStat {
  /** `R`, `S`, `T` (stopped), `Z` (a zombie), …: proc_pid_stat(5) has them all. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  /** In clock ticks since the boot. */
  readonly startTime: string;
}

/** Fields 3, 4, 5 and 22; the second one, a name in parentheses, may hold anything. Undefined of one that is not to be seen. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      state: fields[0] ?? '',
      parent: Number(fields[1]),
      group: Number(fields[2]),
      startTime: fields[19] ?? '',
    };
  } catch {
    return undefined;
  }
}
