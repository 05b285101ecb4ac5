// One connection that stays, from its first opening to the end of the run, through as many sockets as that takes.
import { toWallClock } from './clock.mjs';
import { Conversation } from './conversation.mjs';

/** What a cut is counted as, where its cause alone decides. */
const KINDS = { timeout: 'unanswered', 'wrong-answer': 'wrongAnswers', 'not-closed': 'notClosed' };

export class LongLivedConnection {
  #run;
  #id;
  #timing;
  #counts;
  #conversation;
  #isOpen;
  #isClosing = false;
  #number = 0;
  #askedAt;
  #answeredAt;
  #reopenAt;
  #timer;
  #expected;
  #settle;
  #finish;

  /** Resolves when it was opened for the first time, or could not be. */
  settled = new Promise((resolve) => (this.#settle = resolve));
  #finished = new Promise((resolve) => (this.#finish = resolve));

  constructor(run, id, timing, counts) {
    this.#run = run;
    this.#id = id;
    this.#timing = timing;
    this.#counts = counts;
    // The first hold is shorter for some than for others: reopenings are spread evenly from then on.
    this.#open(timing.holdFor && timing.holdFor * (1 - timing.offset));
  }

  /** Lets it finish its question, asks no more, and resolves when it is closed. */
  async close() {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    if (this.#conversation === undefined) this.#finish();
    else if (this.#isOpen && !this.#conversation.waiting) this.#end();
    await this.#finished;
  }

  answered() {
    const now = performance.now();
    this.#counts.answered += 1;
    this.#counts.gap(now - (this.#answeredAt ?? now));
    this.#answeredAt = now;
    const { isLast } = this.#conversation;
    if (isLast) this.#counts.announced += 1;
    if (isLast || this.#isClosing || now >= this.#reopenAt) this.#end();
    else this.#askAfter(Math.max(0, this.#askedAt + this.#timing.interval - now));
  }

  closed(cause, code) {
    if (cause !== undefined) this.#count(cause, code);
    clearTimeout(this.#timer);
    this.#run.pending.delete(this.#expected);
    this.#conversation = undefined;
    if (this.#isOpen) this.#counts.open -= 1;
    this.#settle();
    const reopen = () => this.#open(this.#timing.holdFor);
    // A server that answers nothing is not asked again at once: that would be a busy loop.
    if (this.#isClosing) this.#finish();
    else if (this.#answeredAt === undefined) this.#timer = setTimeout(reopen, this.#timing.interval);
    else reopen();
  }

  #open(holdFor = Infinity) {
    const socket = this.#run.connect();
    this.#isOpen = false;
    this.#answeredAt = undefined;
    this.#reopenAt = performance.now() + holdFor;
    this.#conversation = new Conversation(socket, this.#run.protocol, this);
    this.#expect('timeout');
    socket.once(this.#run.connectedEvent, () => this.#opened());
  }

  #opened() {
    this.#isOpen = true;
    this.#counts.opened += 1;
    this.#counts.open += 1;
    this.#settle();
    if (this.#isClosing) this.#end();
    else this.#askAfter(this.#timing.interval * this.#timing.offset);
  }

  #askAfter(delay) {
    this.#run.pending.delete(this.#expected);
    this.#timer = setTimeout(() => this.#ask(), delay);
  }

  #ask() {
    this.#number += 1;
    this.#askedAt = performance.now();
    this.#conversation.ask(`${this.#id} ${this.#number}\n`);
    this.#expect('timeout');
  }

  #end() {
    this.#conversation.end();
    this.#expect('not-closed');
  }

  /** From now on something is expected of the server: to connect, to answer or to close. */
  #expect(cause) {
    const { pending } = this.#run;
    pending.delete(this.#expected);
    this.#expected = { startedAt: performance.now(), expire: () => this.#conversation.abandon(cause) };
    pending.add(this.#expected);
  }

  #count(cause, code) {
    const cut = this.#conversation.waiting ? 'cutInRequest' : 'cutIdle';
    const kind = this.#isOpen ? (KINDS[cause] ?? cut) : 'failedToOpen';
    this.#counts.add(kind, { id: this.#id, cause, code, at: toWallClock(performance.now()) });
  }
}
