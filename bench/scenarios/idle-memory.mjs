// What a connection costs that is open and idle: the memory of a server with many, less that of the same one with none.
import { fileURLToPath } from 'node:url';
import { Launched, told } from '../launched.mjs';
import { spread } from '../statistics.mjs';

const CLIENT = fileURLToPath(new URL('../clients/hold.mjs', import.meta.url));
const DEADLINE = 60_000;
/** Each in a process of its own. */
const ORDER = ['raw', 'library', 'library', 'raw'];

export async function idleMemory(stage, launch, { kind, count }) {
  const measured = { raw: [], library: [] };
  for (const who of ORDER) {
    measured[who].push(await perConnection(stage, await launch(kind, who), { kind, count }));
  }
  return { raw: summary(measured.raw), library: summary(measured.library) };
}

/** Bytes for each connection: resident, and of the heap with what it keeps outside. */
async function perConnection(stage, { launched, port }, { kind, count }) {
  const before = await launched.ask('memory', DEADLINE);
  const protocol = kind.startsWith('http') ? 'http' : 'echo';
  const order = JSON.stringify({ port, tls: kind === 'tls' || kind === 'https', protocol, count });
  const client = new Launched(stage, [process.execPath, CLIENT, order]);
  await client.next(told('held'), DEADLINE, `${count} connections`);
  const after = await launched.ask('memory', DEADLINE);
  client.kill('SIGKILL');
  launched.kill('SIGKILL');
  await Promise.all([client.exit, launched.exit]);
  const each = (name) => (after[name] - before[name]) / count;
  return { resident: each('resident'), heap: each('heap') };
}

function summary(measured) {
  return {
    resident: spread(measured.map(({ resident }) => resident)),
    heap: spread(measured.map(({ heap }) => heap)),
  };
}
