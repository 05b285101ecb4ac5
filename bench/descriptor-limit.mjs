import { readFileSync } from 'node:fs';

/** What a process needs beside its connections. */
const RESERVE = 200;

/** As many connections as asked for, or as the hard limit of descriptors allows; Node raises the soft one by itself. */
export function affordable(connections) {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return hard === 'unlimited' ? connections : Math.min(connections, Number(hard) - RESERVE);
}
