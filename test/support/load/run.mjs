// One run: opens the long-lived connections, then keeps the schedule until its duration is over or somebody stops it, waits
// for what is under way, and gives the result.
import { randomBytes } from 'node:crypto';
import { toWallClock } from './clock.mjs';
import { createConnector } from './connector.mjs';
import { LongLived } from './long-lived.mjs';
import { Pending } from './pending.mjs';
import { protocolOf } from './protocols.mjs';
import { achievedRate } from './rate.mjs';
import { Recording } from './recording.mjs';
import { Schedule } from './schedule.mjs';
import { ShortConnection } from './short-connection.mjs';
import { Tally } from './tally.mjs';

export class Run {
  id = randomBytes(4).toString('hex');
  tally;
  #options;
  #report;
  #schedule;
  #longLived;
  #recording;
  #stopRequested;
  #requestStop;

  constructor(options, report) {
    this.#options = options;
    this.#report = report;
    if (options.record !== undefined) this.#recording = new Recording();
    this.tally = new Tally(this.#recording);
    this.connect = createConnector(options.target, options.sources);
    this.connectedEvent = options.target.tls ? 'secureConnect' : 'connect';
    this.protocol = protocolOf(options.answer);
    this.pending = new Pending(options.answerTimeout);
    this.#stopRequested = new Promise((resolve) => (this.#requestStop = resolve));
  }

  stop() {
    this.#requestStop();
  }

  async finished() {
    if (this.#options.longLived) {
      this.#longLived = new LongLived(this, this.#options.longLived);
      await this.#longLived.opened();
    }
    const ended = new Promise((resolve) => {
      this.#schedule = new Schedule(
        this.#options,
        (number, intendedAt) => this.#launch(number, intendedAt),
        resolve,
      );
    });
    this.#report({
      type: 'started',
      run: this.id,
      pid: process.pid,
      at: toWallClock(this.#schedule.startedAt),
    });
    const progress = setInterval(() => this.#reportProgress(), this.#options.progressInterval);
    await Promise.race([ended, this.#stopRequested]);
    this.#schedule.stop();
    await this.#longLived?.close();
    await this.pending.emptied();
    clearInterval(progress);
    this.#reportProgress();
    this.#recording?.write(this.#options.record);
    return this.#result();
  }

  #launch(number, intendedAt) {
    this.pending.add(new ShortConnection(this, number, intendedAt));
  }

  #reportProgress() {
    const { elapsed, launched, maxLag } = this.#schedule;
    this.#report({
      type: 'progress',
      elapsed,
      attempted: launched,
      answered: this.tally.answers,
      lost: this.tally.lostCount,
      underWay: launched - this.tally.answers - this.tally.lostCount,
      rate: elapsed > 0 ? (launched / elapsed) * 1000 : 0,
      maxLag,
      pids: this.tally.pids(),
      longLived: this.#longLived && { ...this.#longLived.counts, cuts: undefined },
    });
  }

  #result() {
    const { elapsed, launched, maxLag, startedAt } = this.#schedule;
    return {
      run: this.id,
      startedAt: toWallClock(startedAt),
      elapsed,
      attempted: launched,
      answered: this.tally.answers,
      lost: this.tally.lostCount,
      lostByCause: this.tally.lostByCause,
      losses: this.tally.losses,
      pids: this.tally.pids(),
      rate: achievedRate(this.#options.rate, launched, elapsed),
      latency: this.tally.latency.summary(),
      maxLag,
      longLived: this.#longLived?.counts,
    };
  }
}
