/** The states of a server and the legal ways between them, as data. Pure. */
import { UninterruptibleError } from './errors.js';

/** One value says what a server is doing; the events of a server bear these names. */
export type State =
  | 'idle'
  | 'starting'
  | 'taking-over'
  | 'serving'
  | 'handing-over'
  | 'draining'
  | 'standing-by'
  | 'stopping'
  | 'stopped';

/** Every state, with the states that may follow it. */
const SUCCESSORS: Readonly<Record<State, readonly State[]>> = {
  idle: ['starting', 'stopped'],
  starting: ['taking-over', 'serving', 'stopping', 'stopped'],
  'taking-over': ['starting', 'serving', 'stopping', 'stopped'],
  serving: ['handing-over', 'stopping'],
  'handing-over': ['serving', 'draining', 'stopping'],
  draining: ['standing-by', 'serving', 'stopping'],
  'standing-by': ['serving', 'stopping'],
  stopping: ['stopped'],
  stopped: [],
};

/** All states, in the order a life passes through them. */
export const STATES: readonly State[] = Object.keys(SUCCESSORS) as State[];

/** Whether `to` may follow `from`. */
export function mayFollow(from: State, to: State): boolean {
  return SUCCESSORS[from].includes(to);
}

/** Holds the one state value and tells a listener of every change. An illegal change throws. */
export class Lifecycle {
  #state: State = 'idle';
  readonly #onChange: (to: State, from: State) => void;

  constructor(onChange: (to: State, from: State) => void) {
    this.#onChange = onChange;
  }

  get state(): State {
    return this.#state;
  }

  is(...states: State[]): boolean {
    return states.includes(this.#state);
  }

  to(next: State): void {
    const from = this.#state;
    if (!mayFollow(from, next)) {
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_STATE_INVALID',
        `A server that is ${from} cannot become ${next}.`,
      );
    }
    this.#state = next;
    this.#onChange(next, from);
  }
}
