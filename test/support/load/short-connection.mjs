// A new connection of the open loop: connect, ask one line, get its answer, close. It reports itself to the tally, once.
import { Conversation } from './conversation.mjs';

export class ShortConnection {
  startedAt = performance.now();
  #run;
  #conversation;
  #intendedAt;
  #id;
  #port;
  #answeredAt;

  constructor(run, number, intendedAt) {
    this.#run = run;
    this.#intendedAt = intendedAt;
    this.#id = `${run.id}-${number}`;
    const socket = run.connect();
    // Asked for while it is open: afterwards nobody knows.
    socket.once('connect', () => (this.#port = socket.localPort));
    this.#conversation = new Conversation(socket, run.protocol, this);
    this.#conversation.ask(`${this.#id} 1\n`, true);
  }

  answered(pid) {
    this.#answeredAt = performance.now();
    this.pid = pid;
    this.#conversation.end();
  }

  closed(cause, code) {
    const { tally, pending } = this.#run;
    pending.delete(this);
    if (cause === undefined) {
      tally.answered(this.pid, this.#answeredAt, this.#answeredAt - this.#intendedAt);
    } else {
      const answered = this.#answeredAt !== undefined;
      tally.lost({
        id: this.#id,
        port: this.#port,
        cause,
        code,
        startedAt: this.#intendedAt,
        answered,
        received: this.#conversation.received,
      });
    }
  }

  expire() {
    this.#conversation.abandon(this.#answeredAt === undefined ? 'timeout' : 'not-closed');
  }
}
