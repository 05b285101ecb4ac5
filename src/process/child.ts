/** A child of this process, started or not by Node, and how it ends. */
import { constants } from 'node:os';
import type { Binding } from '../binding.js';
import { watchEnd } from './watch-end.js';

/** Both are null if somebody else has waited for it: then nobody can know. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Waits for a child that libuv does not wait for. Resolves when it has ended; keeps nobody alive. Never rejects. */
export function exitOf(binding: Binding, pid: number): Promise<Exit> {
  return watchEnd(binding, pid, { look: () => collectExit(binding, pid), keepsAlive: false });
}

function collectExit(binding: Binding, pid: number): Exit | undefined {
  const result = binding.waitForChild(pid);
  if (result.kind === 'none') return undefined;
  if (result.kind !== 'reaped') return { code: null, signal: null };
  const { exitCode, signal } = result;
  return signal === 0 ? { code: exitCode, signal: null } : { code: null, signal: nameOf(signal) };
}

/** Real-time signals have no names in Node. */
function nameOf(signal: number): NodeJS.Signals {
  const names = Object.entries(constants.signals);
  return (names.find(([, number]) => number === signal)?.[0] ?? `SIG${signal}`) as NodeJS.Signals;
}
