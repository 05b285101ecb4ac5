/** The part of a listen address after `?`. Pure. */

/** Names go into logs, `status` and LISTEN_FDNAMES, which allows 255 characters. */
const LONGEST_NAME = 255;

/** Ends the parsing with a sentence that gives this reason. */
export type Refuse = (reason: string) => never;

/** The part after `?`: each key once, each value checked, nothing left over. */
export class Query {
  readonly #values = new Map<string, string>();
  readonly #refuse: Refuse;

  constructor(text: string | undefined, refuse: Refuse) {
    this.#refuse = refuse;
    if (text === undefined) return;
    for (const pair of text.split('&')) {
      const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(pair) ?? [];
      if (key === '' || value === '') refuse('after the ? stand pairs key=value, separated by &');
      if (this.#values.has(key)) refuse(`${key} is given twice`);
      this.#values.set(key, decode(value, refuse));
    }
  }

  name(): string | undefined {
    const name = this.#take('name');
    if (name !== undefined && (name.length > LONGEST_NAME || /\p{Cc}/u.test(name))) {
      this.#refuse(`name must be 1 to ${LONGEST_NAME} characters, none of them a control character`);
    }
    return name;
  }

  backlog(): number | undefined {
    const text = this.#take('backlog');
    if (text === undefined) return undefined;
    const backlog = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (backlog < 1 || backlog > 65_535) this.#refuse('backlog must be a whole number from 1 to 65535');
    return backlog;
  }

  mode(): number | undefined {
    const text = this.#take('mode');
    if (text === undefined) return undefined;
    if (!/^0?[0-7]{3}$/.test(text)) this.#refuse('mode must be three octal digits, as in 0660');
    return Number.parseInt(text, 8);
  }

  flag(key: string): boolean | undefined {
    const text = this.#take(key);
    if (text !== undefined && text !== '0' && text !== '1') this.#refuse(`${key} must be 0 or 1`);
    return text === undefined ? undefined : text === '1';
  }

  /** Refuses what nobody asked for. */
  end(accepted: string): void {
    for (const key of this.#values.keys()) this.#refuse(`${quote(key)} is not known; ${accepted}`);
  }

  #take(key: string): string | undefined {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }
}

/** Percent sequences as UTF-8. */
export function decode(text: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('a % that is not followed by two hexadecimal digits of UTF-8 text is written %25');
  }
}

/** A text as it may stand in a sentence: quoted, and not too long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 199)}…` : text);
}
