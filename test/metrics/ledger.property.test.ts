/** A service as the hand-over makes it, with nothing in it but counters: whatever happens in whatever order, they add up. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePacket, encodePacket } from '../../src/handover/packet.js';
import { type Books, type Counters, MAX_COUNTERS, type Message } from '../../src/handover/protocol.js';
import { Ledger } from '../../src/metrics/ledger.js';

interface Process {
  readonly name: string;
  readonly ledger: Ledger;
}

class World {
  owner: Process;
  /** In the order in which they gave the service away; the last one can serve again, if it is `reserve`. */
  draining: Process[] = [];
  reserve: Process | undefined;
  #clock = 0;
  #made = 0;
  #lost = 0;
  #counted = 0;
  #told = 0;

  constructor() {
    this.owner = this.#make();
  }

  get everybody(): Process[] {
    return [this.owner, ...this.draining];
  }

  count(pick: number): void {
    const process = this.#pick(this.everybody, pick);
    process.ledger.count('things', 1 + (pick % 3));
    this.#counted += 1 + (pick % 3);
  }

  wait(pick: number): void {
    this.#clock += pick % 15_000;
  }

  report(pick: number): void {
    if (this.draining.length > 0) this.#report(this.#pick(this.draining, pick), this.owner);
  }

  /** Says how far it is, and goes. */
  leave(pick: number): void {
    if (this.draining.length === 0) return;
    const process = this.#pick(this.draining, pick);
    this.#report(process, this.owner);
    this.#gone(process);
  }

  kill(pick: number): void {
    if (this.draining.length === 0) return;
    this.#gone(this.#pick(this.draining, pick));
    this.#forgive();
  }

  /** It is taken for dead, and registers again. */
  cutOff(pick: number): void {
    if (this.draining.length === 0) return;
    const process = this.#pick(this.draining, pick);
    this.owner.ledger.left(process.name);
    this.#report(process, this.owner);
    if (process === this.reserve) this.reserve = undefined;
  }

  /** A hand-over; `pick` says what else happens on the way. */
  restart(pick: number): void {
    const [before, after] = [this.owner, this.#make()];
    const offered = this.#travelled(before.ledger.books());
    this.count(pick);
    if (pick % 4 === 0) this.leave(pick);
    const books = this.#travelled(before.ledger.passOn());
    this.count(pick + 1);
    // Whoever drains tells it to the owner as far as it knows, and leaves.
    this.report(pick);
    if (pick % 5 === 0) this.leave(pick);
    // Of one that dies there it would be lost: docs/metrics.md says so.
    if (pick % 7 !== 1) this.scrape();
    if (pick % 7 === 0) {
      before.ledger.keep();
      return;
    }
    if (pick % 7 === 1) {
      // It dies before it could say that.
      after.ledger.adopt(offered);
      this.#follow(after, before);
      after.ledger.left(before.name);
      this.#take(after, [...this.draining]);
      this.#forgive();
      return;
    }
    after.ledger.adopt(books);
    this.#follow(after, before);
    this.#expectNoLess(after);
    before.ledger.handedOver();
    this.#farewells(before, after, pick);
    this.draining.push(before);
    this.owner = after;
    this.reserve = before;
  }

  rollBack(pick: number): void {
    const { owner, reserve } = this;
    if (reserve === undefined) return;
    owner.ledger.books();
    this.count(pick);
    const books = this.#travelled(owner.ledger.passOn());
    this.count(pick + 1);
    this.scrape();
    reserve.ledger.adopt(books);
    this.#follow(reserve, owner);
    this.#expectNoLess(reserve);
    owner.ledger.handedOver();
    this.draining = this.draining.filter((each) => each !== reserve);
    this.#farewells(owner, reserve, pick);
    this.draining.push(owner);
    this.owner = reserve;
    this.reserve = owner;
  }

  die(): void {
    const { reserve } = this;
    if (reserve === undefined) return;
    reserve.ledger.resume();
    this.draining = this.draining.filter((each) => each !== reserve);
    this.#take(reserve, this.draining);
    this.#forgive();
  }

  /** The owner is asked. */
  scrape(): void {
    const books = this.#travelled(this.owner.ledger.books());
    for (const { ledger } of this.draining) ledger.told(books);
    this.#expectNoLess(this.owner);
    this.#told = this.#total(this.owner);
  }

  /** A process that drains is asked, over a connection that was open before. */
  scrapeDraining(pick: number): void {
    if (this.draining.length === 0) return;
    const process = this.#pick(this.draining, pick);
    this.#report(process, this.owner);
    this.#expectNoLess(process);
    expect(this.#total(this.owner)).toBeGreaterThanOrEqual(this.#total(process));
  }

  /** When all have said how far they are it is exact. */
  expectAll(): void {
    for (const process of this.draining) this.#report(process, this.owner);
    expect(this.#total(this.owner)).toBe(this.#counted - this.#lost);
    this.scrape();
  }

  #make(): Process {
    this.#made += 1;
    const name = `process-${this.#made}`;
    const ledger = new Ledger({ process: name, since: 1, read: () => [], now: () => this.#clock });
    return { name, ledger };
  }

  #total({ ledger }: Process): number {
    return ledger.total().get('things');
  }

  #expectNoLess(process: Process): void {
    expect(this.#total(process)).toBeGreaterThanOrEqual(this.#told);
    expect(this.#total(process)).toBeLessThanOrEqual(this.#counted);
  }

  /** What a process that died had not told is gone; the others are asked how far they are. */
  #forgive(): void {
    for (const process of this.draining) this.#report(process, this.owner);
    this.#lost = this.#counted - this.#total(this.owner);
    expect(this.#lost).toBeGreaterThanOrEqual(0);
  }

  #report({ name, ledger }: Process, to: Process): void {
    to.ledger.heard(name, this.#travelledCounters(ledger.own().toCounters()));
  }

  #follow(owner: Process, { name }: Process): void {
    owner.ledger.heard(name, {});
  }

  #gone(process: Process): void {
    this.owner.ledger.left(process.name);
    this.draining = this.draining.filter((each) => each !== process);
    if (process === this.reserve) this.reserve = undefined;
  }

  #take(owner: Process, draining: Process[]): void {
    for (const process of draining) this.#report(process, owner);
    this.owner = owner;
    this.draining = draining;
    this.reserve = undefined;
  }

  /** Who drained for the owner before goes to the new one, or has left on the way. */
  #farewells(before: Process, after: Process, pick: number): void {
    for (const [at, process] of [...this.draining].entries()) {
      this.count(pick + at);
      if ((pick + at) % 3 < 2) this.#report(process, before);
      if ((pick + at) % 3 === 0) {
        before.ledger.left(process.name);
        this.draining = this.draining.filter((each) => each !== process);
      } else {
        this.count(pick + at);
        this.#report(process, after);
      }
    }
  }

  #pick(from: Process[], pick: number): Process {
    const process = from[pick % from.length];
    if (process === undefined) throw new Error('nobody');
    return process;
  }

  #travelled(books: Books): Books {
    return (this.#throughPacket({ type: 'counted', books }) as { books: Books }).books;
  }

  #travelledCounters(counters: Counters): Counters {
    return (this.#throughPacket({ type: 'gone', counters }) as { counters: Counters }).counters;
  }

  #throughPacket(message: Message): Message {
    return decodePacket(encodePacket(message), 0);
  }
}

const step = fc.record({
  what: fc.constantFrom(
    'count',
    'count',
    'wait',
    'report',
    'leave',
    'kill',
    'cutOff',
    'restart',
    'restart',
    'rollBack',
    'die',
    'scrape',
    'scrapeDraining',
  ),
  pick: fc.nat({ max: 100_000 }),
} as const);

test('counters add up, and never go down in the eyes of whoever asks', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World();
      for (const { what, pick } of steps) {
        world[what](pick);
        if (pick % 11 === 0) world.expectAll();
      }
      world.expectAll();
    }),
    { numRuns: 1_000 },
  );
});

test('who leaves amid a hand-over that fails is settled, and counts once even if it turns up again', () => {
  const ledger = new Ledger({ process: 'owner', since: 1, read: () => [] });
  ledger.count('things');
  ledger.heard('peer', { things: 10 });
  ledger.passOn();
  ledger.heard('peer', { things: 12 });
  ledger.heard('late', { things: 100 });
  ledger.left('peer');
  ledger.left('late');
  ledger.keep();
  expect(ledger.total().get('things')).toBe(113);
  expect(ledger.books()).toMatchObject({ settled: { things: 112 }, accounts: [{ process: 'owner' }] });
  expect(ledger.books().accounts).toHaveLength(1);
  ledger.heard('peer', { things: 13 });
  ledger.heard('late', { things: 100 });
  expect(ledger.total().get('things')).toBe(114);
});

test('who is cut off again and again amid a hand-over counts once', () => {
  const ledger = new Ledger({ process: 'owner', since: 1, read: () => [] });
  ledger.heard('peer', { things: 10 });
  ledger.passOn();
  for (const things of [12, 13]) {
    ledger.heard('peer', { things });
    ledger.left('peer');
  }
  expect(ledger.own().get('things')).toBe(3);
  ledger.heard('peer', { things: 14 });
  ledger.keep();
  expect(ledger.total().get('things')).toBe(14);
  ledger.left('peer');
  expect(ledger.total().get('things')).toBe(14);
});

test('books fit into a packet, however many drain and whatever they count', () => {
  const counters = (from: number): Counters =>
    Object.fromEntries(
      Array.from({ length: MAX_COUNTERS }, (_, at) => [`c${from + at}`.padEnd(64, 'x'), 2 ** 53 - 1]),
    );
  const ledger = new Ledger({ process: 'owner', since: 1, read: () => Object.entries(counters(0)) });
  ledger.adopt({ since: 1, settled: counters(100), accounts: [] });
  for (let peer = 0; peer < 100; peer += 1) {
    ledger.heard(`peer-${peer}`, counters(peer));
    if (peer > 90) ledger.left(`peer-${peer}`);
  }
  ledger.heard('x'.repeat(60_000), counters(0));
  const books = ledger.passOn();
  const message: Message = { type: 'yours', books };
  expect(decodePacket(encodePacket(message), 0)).toEqual(message);
  expect(books.accounts.length).toBeGreaterThan(3);
});
