/**
 * The owner, as the process sees it that handed over to it and drains: it may say `bye`, or vanish, in which case the
 * service is ours again if we get byte 0.
 */
import type { ErrorDescription } from '../errors.js';
import { type Channel, closeAll } from './channel.js';
import type { Books, Counters, Remainder } from './protocol.js';

export interface OwnerEvents {
  /** An operator wants this process to serve again: a take-over with this token will be answered. */
  rollbackOrdered: (token: string) => void;
  /** It wants this process gone: what is still open is to be cut. */
  hurry: () => void;
  /** Somebody has moved the log away. */
  reopenLog: () => void;
  /**
   * It left on purpose or was followed by another: our duplicates must go. The acknowledgement is sent after this, with what
   * was counted if nobody else will be told.
   */
  bye: () => Counters | undefined;
  /** What it has told others of the counters. */
  counted: (books: Books) => void;
  /** The connection ended without a word. */
  vanished: () => void;
}

export class OwnerPeer {
  readonly channel: Channel;
  /** For display. */
  readonly pid: number;
  #left = false;

  constructor(channel: Channel, pid: number, events: OwnerEvents) {
    this.channel = channel;
    this.pid = pid;
    void this.#follow(events);
  }

  /** Tells it what is left; dropped if it does not read. */
  report(left: Remainder): void {
    this.channel.report({ type: 'draining', ...left });
  }

  /** The last word: what comes from it now is ignored. */
  leave(counters: Counters): void {
    this.#left = true;
    this.channel.send({ type: 'gone', counters });
    this.channel.close();
  }

  /** It cannot have the service back. */
  refuseTakeBack(error: ErrorDescription): void {
    this.channel.send({ type: 'failed', ...error });
  }

  /** It gave the service back: what comes over this connection means nothing any more. */
  forget(): void {
    this.#left = true;
    this.channel.close();
  }

  async #follow(events: OwnerEvents): Promise<void> {
    try {
      for (;;) {
        const { message, descriptors } = await this.channel.receive(null);
        closeAll(descriptors);
        if (message.type === 'hurry') events.hurry();
        if (message.type === 'reopen-log') events.reopenLog();
        if (message.type === 'take-back') events.rollbackOrdered(message.token);
        if (message.type === 'counted') events.counted(message.books);
        // Said again it would register us again, each time over one more connection.
        if (message.type !== 'bye' || this.#left) continue;
        const counters = events.bye();
        this.channel.send({ type: 'received', ...(counters && { counters }) });
        this.#left = true;
      }
    } catch {
      this.channel.close();
      if (this.#left) return;
      this.#left = true;
      events.vanished();
    }
  }
}
