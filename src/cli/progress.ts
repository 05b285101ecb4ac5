/** The steps of an order as they come, with the time since it was given. */
import type { OnProgress } from './operator.js';
import type { Output } from './output.js';
import { duration } from './text.js';

const WORDS: Readonly<Record<string, string>> = {
  started: 'started',
  'taking-over': 'takes over',
  ready: 'ready',
  asked: 'asked to serve again',
};

export class Progress {
  readonly #output: Output;
  readonly #start = performance.now();
  /** The last step, for the sentence that says how far it came. */
  last: string | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  get milliseconds(): number {
    return Math.round(performance.now() - this.#start);
  }

  readonly onStep: OnProgress = (step, pid) => {
    this.last = sentence(step, pid);
    this.say(this.last);
  };

  say(text: string): void {
    const elapsed = duration(this.milliseconds).padStart(8);
    this.#output.line(`${this.#output.style('dim', elapsed)}  ${text}`);
  }
}

function sentence(step: string, pid: number | undefined): string {
  if (step === 'queued') {
    return `queued: a change of owner is under way${pid === undefined ? '' : `, to pid ${pid}`}`;
  }
  const words = WORDS[step] ?? step;
  return pid === undefined ? words : `pid ${pid} ${words}`;
}
