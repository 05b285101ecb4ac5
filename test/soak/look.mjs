// What a process has at this instant, seen from inside, after a collection of garbage (node --expose-gc): everything that
// it could have inherited or could pile up. One line of JSON on stdout, all of it read in one turn of the loop.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A descriptor's kind by what it links to; everything else is a file. */
const KINDS = [
  ['sockets', /^socket:/],
  ['pipes', /^pipe:/],
  ['events', /^anon_inode:/],
];

/** `connections` of the sockets are the clients'. */
export function look(facts, connections = 0) {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  const status = readFileSync('/proc/self/status', 'latin1');
  const seen = {
    ...facts,
    pid: process.pid,
    resident: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024,
    heap: heapUsed,
    external,
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]),
    connections,
    descriptors: descriptors(connections),
    // As they were passed by exec: what a process does to its own afterwards does not show there.
    environment: readFileSync('/proc/self/environ').length,
    words: readFileSync('/proc/self/cmdline').length,
  };
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

/** How many there are of each kind, clients apart. */
function descriptors(connections) {
  const counts = { sockets: -connections, pipes: 0, events: 0, files: 0 };
  for (const fd of readdirSync('/proc/self/fd')) {
    const kind = kindOf(fd);
    if (kind !== undefined) counts[kind] += 1;
  }
  return counts;
}

function kindOf(fd) {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    return KINDS.find(([, pattern]) => pattern.test(target))?.[0] ?? 'files';
  } catch {
    return undefined; // the one that read the directory
  }
}
