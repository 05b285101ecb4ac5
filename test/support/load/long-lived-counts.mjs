// What became of the long-lived connections.

const DETAILED_CUTS = 100;

export class LongLivedCounts {
  opened = 0;
  open = 0;
  answered = 0;
  /** Closed after an answer that said so: nothing is lost. */
  announced = 0;
  cutIdle = 0;
  cutInRequest = 0;
  unanswered = 0;
  wrongAnswers = 0;
  failedToOpen = 0;
  notClosed = 0;
  /** Milliseconds between two answers on one connection; the interval is part of it. */
  longestGap = 0;
  cuts = [];

  gap(milliseconds) {
    this.longestGap = Math.max(this.longestGap, milliseconds);
  }

  add(kind, details) {
    this[kind] += 1;
    if (this.cuts.length < DETAILED_CUTS) this.cuts.push({ kind, ...details });
  }
}
