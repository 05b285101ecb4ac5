/**
 * The side of the process that becomes the program: it starts a keeper, gets the listening sockets from it, and is the
 * program from then on. Everything about the service is the keeper's.
 */
import { fileURLToPath } from 'node:url';
import type { Binding, Descriptor } from '../binding.js';
import { becomeProgram, type Program } from '../process/become.js';
import { FIRST_INHERITED, takeInherited } from '../process/environment.js';
import { startKeeper } from '../process/keeper.js';
import { type Assignment, Link } from './link.js';

/** Beside this file when it is bundled. */
const KEEPER = fileURLToPath(new URL('./keeper.js', import.meta.url));

/** The keeper is to say why it failed: only one that is stopped or stuck is waited for so long. */
const MARGIN_MILLISECONDS = 5_000;

export interface ExecOptions extends Omit<Assignment, 'pid' | 'type'> {
  binding: Binding;
  /** The file that is executed. */
  path: string;
  words: readonly string[];
  /** Of stdin, stdout and stderr, those that were non-blocking from the beginning. */
  stdio: ReadonlySet<number>;
}

/** Why this process could not become the program; `exitCode` is what the command ends with. */
export class ExecFailure extends Error {
  readonly exitCode: number;
  readonly code: string;

  constructor(exitCode: number, code: string, message: string) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** Resolves never. Rejects with an `ExecFailure`; whoever served before serves on. */
export async function exec({ binding, path, words, stdio, ...assignment }: ExecOptions): Promise<never> {
  const [ours, theirs] = binding.socketPair('seqpacket');
  // A lock of a deployment script, for example: the keeper would hold it for as long as the program lives.
  binding.closeOnExecFrom(FIRST_INHERITED);
  await startKeeper(KEEPER, [String(process.pid), assignment.program], theirs);
  theirs.close();
  // What the keeper was told by the predecessor that started us is none of the program's business.
  takeInherited();
  const link = new Link(binding, ours);
  link.send({ type: 'assignment', pid: process.pid, ...assignment });
  const received = await receiveFrom(link, assignment.timeout + MARGIN_MILLISECONDS);
  becomeProgram(binding, { path, words, stdio, ...received });
}

type Received = Pick<Program, 'sockets' | 'stderr'>;

async function receiveFrom(link: Link, patience: number): Promise<Received> {
  const sockets: { name: string; descriptor: Descriptor }[] = [];
  let stderr: Descriptor | undefined;
  for (;;) {
    const heard = await link.receive(patience).catch(() => {
      throw new ExecFailure(4, 'timeout', 'The keeper has not got the listening sockets in time.');
    });
    if (heard === undefined) throw new ExecFailure(1, 'unknown', 'The keeper has ended without a word.');
    const { message, descriptors } = heard;
    if (message.type === 'failed') throw new ExecFailure(message.exitCode, message.code, message.message);
    if (message.type === 'stderr') [stderr] = descriptors;
    if (message.type !== 'sockets') continue;
    for (const [at, descriptor] of descriptors.entries()) {
      sockets.push({ name: message.names[at] ?? 'unknown', descriptor });
    }
    if (!message.more) return { sockets, stderr };
  }
}
