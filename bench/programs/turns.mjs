// How long the turns of the event loop take, in real time and in processor time of this thread: the second is what is left if
// a busy machine gave the processor to others meanwhile.
import { openSync, readSync } from 'node:fs';

export class TurnMeter {
  #longest = { real: 0, processor: 0 };
  #before;
  #running = true;

  constructor() {
    this.#before = now();
    setImmediate(this.#turn);
  }

  /** The longest turn since the last time it was asked, the one under way included. */
  take() {
    this.#measure();
    const longest = this.#longest;
    this.#longest = { real: 0, processor: 0 };
    return longest;
  }

  end() {
    this.#running = false;
  }

  #turn = () => {
    this.#measure();
    if (this.#running) setImmediate(this.#turn);
  };

  #measure() {
    const { real, processor } = now();
    this.#longest.real = Math.max(this.#longest.real, real - this.#before.real);
    this.#longest.processor = Math.max(this.#longest.processor, processor - this.#before.processor);
    this.#before = { real, processor };
  }
}

/** Kept open and read into one buffer: garbage would be collected in the turns that are measured. */
const statistics = openSync('/proc/thread-self/schedstat', 'r');
const buffer = Buffer.alloc(100);

function now() {
  const length = readSync(statistics, buffer, 0, buffer.length, 0);
  const nanoseconds = Number(buffer.latin1Slice(0, buffer.subarray(0, length).indexOf(' ')));
  return { real: performance.now(), processor: nanoseconds / 1e6 };
}
