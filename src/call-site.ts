/** Whose call failed: the stacks of our errors lead to the program, not through this library. */
import { UninterruptibleError } from './errors.js';

const HERE = new URL('.', import.meta.url);
/** This library, as it stands in stacks: as a URL, or, by a loader or source maps, as a path. */
const OURS = [HERE.href, decodeURIComponent(HERE.pathname)];
const FRAME = /^\s+at /;
const OF_NODE = /\bnode:/;

/** Where the program called. Written out only if it is needed: source maps are read for that. */
export interface CallSite {
  readonly stack?: string;
}

export function callSite(): CallSite {
  const site = {};
  Error.captureStackTrace(site, callSite);
  return site;
}

/**
 * Has an error of ours name the frames of the program instead of ours, and the system errors that caused it none of ours.
 * Other errors, a mistake in here among them, stay as they are.
 */
export function leadTo(site: CallSite, error: unknown): void {
  if (!(error instanceof UninterruptibleError)) return;
  const { message, frames } = readStack(error);
  const calls = readStack(site).frames.filter((frame) => !frames.includes(frame));
  error.stack = [message, ...frames, ...calls].join('\n');
  for (let { cause } = error; cause instanceof Error; { cause } = cause) {
    if (!('syscall' in cause)) continue;
    const own = readStack(cause);
    cause.stack = [own.message, ...own.frames].join('\n');
  }
}

/** Without our own frames. */
function readStack({ stack = '' }: CallSite): { message: string; frames: string[] } {
  const lines = stack.split('\n');
  const first = lines.findIndex((line) => FRAME.test(line));
  if (first === -1) return { message: stack, frames: [] };
  const frames = lines.slice(first).filter((line) => !OURS.some((place) => line.includes(place)));
  // What only Node's own are left of never was in the program.
  const isOfNode = frames.every((frame) => OF_NODE.test(frame));
  return { message: lines.slice(0, first).join('\n'), frames: isOfNode ? [] : frames };
}
