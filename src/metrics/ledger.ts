/**
 * What a service has counted, over all its generations, so that nothing is lost or counted twice.
 *
 * Each process counts for itself alone and tells its owner how far it is. The owner adds: its own account, the accounts of
 * those who drain as they were told last, and what those had who have left (`settled`). All of that are the books, which
 * pass from owner to owner with the service. An account is known by a name that its process has made up, so it can be
 * told by two on two ways, or twice, and counts once.
 */
import type { Account, Books, Counters } from '../handover/protocol.js';
import { Tally } from './tally.js';

/** Books go into one packet with something else. Who is left out tells its own account when it registers. */
const MAX_BOOKS_BYTES = 32_768;
/** A process that drains finds the new owner within a second or two, or never. */
const REGISTRATION_MILLISECONDS = 10_000;
/** Processes that were taken for gone and may yet turn up: as many as an owner follows. */
const MAX_CLOSED = 64;

export interface LedgerOptions {
  /** The name of this process's account. */
  process: string;
  /** When the first process of the service began to count, in ms since the epoch. */
  since: number;
  /** What is counted elsewhere in this process. */
  read: () => Iterable<readonly [name: string, count: number]>;
  /** A monotonic clock, in ms. */
  now?: () => number;
}

interface Entry {
  readonly counters: Tally;
  /** Whether we hear of it. */
  followed: boolean;
  /** When it was told of first. */
  readonly at: number;
}

/** While another process is the owner. */
interface Passed {
  /** What it was told of each of the others: what we hear later of who is gone is ours to tell. */
  readonly accounts: ReadonlyMap<string, Tally>;
  readonly late: Map<string, Tally>;
  /** Who has left since, and what it had counted of which nobody was told but us. */
  readonly gone: Map<string, Tally>;
  /** Our account as it was told then, until the new owner hears of us again: whoever asks meanwhile must hear no more. */
  own: Tally | undefined;
  /** Its own books, as it told them last. */
  books: Books | undefined;
}

export class Ledger {
  readonly process: string;
  readonly #read: LedgerOptions['read'];
  readonly #now: () => number;
  #counted = new Tally();
  readonly #closed = new Map<string, Tally>();
  #since: number;
  #settled = new Tally();
  #others = new Map<string, Entry>();
  #passed: Passed | undefined;

  constructor({ process, since, read, now = () => performance.now() }: LedgerOptions) {
    this.process = process;
    this.#since = since;
    this.#read = read;
    this.#now = now;
  }

  /** In ms since the epoch. */
  get since(): number {
    return this.#passed?.books?.since ?? this.#since;
  }

  count(name: string, by = 1): void {
    this.#counted.add(name, by);
  }

  /** What this process has counted. */
  own(): Tally {
    const own = this.#counted.copy();
    for (const [name, count] of this.#read()) own.add(name, count);
    return own;
  }

  /** What all have counted, as far as this process knows. */
  total(): Tally {
    const total = this.#shown();
    const books = this.#passed?.books;
    if (books === undefined) {
      total.addAll(this.#settled);
      for (const { counters } of this.#others.values()) total.addAll(counters);
      return total;
    }
    total.addAll(Tally.of(books.settled));
    for (const { process, counters } of books.accounts) {
      if (process !== this.process) total.addAll(Tally.of(counters));
    }
    return total;
  }

  /** For another process: this one's account is the first. */
  books(): Books {
    this.#settleWhoNeverCame();
    const accounts: Account[] = [{ process: this.process, counters: this.#shown().toCounters() }];
    let bytes = 0;
    for (const [process, { counters }] of this.#others) {
      const account = { process, counters: counters.toCounters() };
      const size = Buffer.byteLength(JSON.stringify(account));
      if (bytes + size > MAX_BOOKS_BYTES) continue;
      bytes += size;
      accounts.push(account);
    }
    return { since: this.#since, settled: this.#settled.toCounters(), accounts };
  }

  /** The books for the next owner. From now on this process only tells how far it is itself. */
  passOn(): Books {
    const books = this.books();
    const accounts = new Map([...this.#others].map(([process, { counters }]) => [process, counters.copy()]));
    this.#passed = { accounts, late: new Map(), gone: new Map(), own: this.own(), books: undefined };
    return books;
  }

  /** Another process is the owner now, and hears how far this one is. */
  handedOver(): void {
    if (this.#passed !== undefined) this.#passed.own = undefined;
  }

  /** This process is still the owner after all. */
  keep(): void {
    const gone = this.#passed?.gone ?? new Map<string, Tally>();
    this.#regain(this.#passed?.late);
    for (const [process, rest] of gone) this.#settleWhoLeft(process, rest);
  }

  /** The owner has died, and this process is it again: with what it was told last. */
  resume(): void {
    const { books, late } = this.#passed ?? {};
    if (books !== undefined) this.adopt(books);
    this.#regain(late);
  }

  /** This process is the owner, and these are the books of the one before. */
  adopt({ since, settled, accounts }: Books): void {
    this.#passed = undefined;
    this.#since = since;
    this.#settled = Tally.of(settled);
    this.#closed.clear();
    const others = accounts.filter(({ process }) => process !== this.process);
    this.#others = new Map(
      others.map(({ process, counters }) => [process, this.#entry(Tally.of(counters), false)]),
    );
  }

  /** The owner says what it has told others: this process must not say less. */
  told(books: Books): void {
    if (this.#passed !== undefined) this.#passed.books = books;
  }

  /** How far a process is that drains. */
  heard(process: string, counters: Counters): void {
    const tally = Tally.of(counters);
    if (this.#passed !== undefined) {
      // It was cut off from us, and is not gone.
      this.#counted = this.#counted.beyond(this.#passed.gone.get(process) ?? new Tally());
      this.#passed.gone.delete(process);
      const late = this.#passed.late.get(process);
      if (late === undefined) this.#passed.late.set(process, tally);
      else late.raise(tally);
      return;
    }
    const entry = this.#others.get(process) ?? this.#entry(this.#reopen(process), true);
    entry.followed = true;
    entry.counters.raise(tally);
    this.#others.set(process, entry);
  }

  /** A process is gone, and tells nobody else. */
  left(process: string): void {
    if (this.#passed !== undefined) {
      const late = this.#passed.late.get(process);
      const told = this.#passed.accounts.get(process) ?? new Tally();
      const rest = late?.beyond(told) ?? new Tally();
      this.#counted.addAll(rest);
      this.#passed.late.delete(process);
      this.#passed.gone.set(process, rest);
      return;
    }
    const entry = this.#others.get(process);
    if (entry === undefined) return;
    this.#others.delete(process);
    this.#settled.addAll(entry.counters);
    this.#closed.set(process, entry.counters);
    const [oldest] = this.#closed.keys();
    if (this.#closed.size > MAX_CLOSED && oldest !== undefined) this.#closed.delete(oldest);
  }

  /** A copy. */
  #shown(): Tally {
    return this.#passed?.own?.copy() ?? this.own();
  }

  #regain(late: ReadonlyMap<string, Tally> = new Map()): void {
    this.#passed = undefined;
    for (const [process, counters] of late) this.#others.get(process)?.counters.raise(counters);
  }

  /** As if it had left before: else its account would be passed on for ever, and counted twice if it turned up again. */
  #settleWhoLeft(process: string, rest: Tally): void {
    this.#counted = this.#counted.beyond(rest);
    const entry = this.#others.get(process) ?? this.#entry(new Tally(), true);
    entry.counters.addAll(rest);
    this.#others.set(process, entry);
    this.left(process);
  }

  /** What is settled of it is taken out again: it was cut off from us, and is not gone. */
  #reopen(process: string): Tally {
    const closed = this.#closed.get(process);
    if (closed === undefined) return new Tally();
    this.#closed.delete(process);
    this.#settled = this.#settled.beyond(closed);
    return closed;
  }

  #entry(counters: Tally, followed: boolean): Entry {
    return { counters, followed, at: this.#now() };
  }

  /** They would be passed on for ever. */
  #settleWhoNeverCame(): void {
    if (this.#passed !== undefined) return;
    for (const [process, { followed, at }] of [...this.#others]) {
      if (!followed && this.#now() - at > REGISTRATION_MILLISECONDS) this.left(process);
    }
  }
}
