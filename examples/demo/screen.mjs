// Where the demo shows itself: one line that is written over and over on a terminal, a plain line every 2 s elsewhere.
import { Colours } from './colours.mjs';

const ON_TERMINAL = 100;
const ELSEWHERE = 2000;
const ERASE_LINE = '\r\x1b[K';

export class Screen {
  colours;
  #output;
  #timer;
  #hasLine = false;
  #ended = false;

  constructor(output) {
    this.#output = output;
    this.colours = new Colours(output);
    // Nobody reads any more: end, tidily.
    output.on('error', () => process.exit(1));
  }

  print(...lines) {
    if (this.#ended) return;
    this.#erase();
    this.#output.write(`${lines.join('\n')}\n`);
  }

  /** Shows what `line` returns, again and again, until `unfollow`. */
  follow(line) {
    this.#timer = setInterval(() => this.#show(line()), this.#output.isTTY ? ON_TERMINAL : ELSEWHERE);
  }

  unfollow() {
    clearInterval(this.#timer);
    this.#erase();
  }

  /** Shows nothing from now on, whoever may still try. */
  end() {
    this.unfollow();
    this.#ended = true;
  }

  #show(line) {
    if (this.#ended) return;
    if (!this.#output.isTTY) {
      this.print(line);
      return;
    }
    // A line that wraps could not be erased.
    this.#output.write(ERASE_LINE + line.slice(0, this.#output.columns - 1));
    this.#hasLine = true;
  }

  #erase() {
    if (this.#hasLine) this.#output.write(ERASE_LINE);
    this.#hasLine = false;
  }
}
