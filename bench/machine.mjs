// Where and when something was measured.
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';

export function describeMachine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    system: `${type()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    /** Whether it had other things to do. */
    load: loadavg()[0],
    library: JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
  };
}
