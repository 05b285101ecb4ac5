// Finds processes by a mark in their environment. It is inherited by all descendants, also by those that got a session and
// a parent of their own; a process that has exited and was not reaped yet has no environment any more.
import { readdirSync, readFileSync } from 'node:fs';

export function processesMarked(name, value) {
  const entry = `${name}=${value}`;
  return readdirSync('/proc')
    .filter((file) => /^\d+$/.test(file))
    .map(Number)
    .filter((pid) => pid !== process.pid && environmentOf(pid).includes(entry));
}

export function signalAll(pids, signal) {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has gone.
    }
  }
}

function environmentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return []; // gone, or not ours
  }
}
