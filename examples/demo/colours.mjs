// Colours for a terminal; plain text elsewhere, and where NO_COLOR (no-color.org) or a dumb terminal asks for it.

export class Colours {
  #enabled;

  constructor({ isTTY }) {
    this.#enabled = isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  }

  green(text) {
    return this.#paint(32, text);
  }

  red(text) {
    return this.#paint(31, text);
  }

  #paint(colour, text) {
    return this.#enabled ? `\x1b[${colour}m${text}\x1b[39m` : text;
  }
}
