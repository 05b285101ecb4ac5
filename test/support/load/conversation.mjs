// One connection that asks a line at a time and judges what comes back. It tells its owner `answered(pid)` for each right
// answer and `closed(cause, code)` exactly once; no cause means that we ended it and the server closed it cleanly.
import { INCOMPLETE, WRONG } from './answers.mjs';
import { causeOf } from './causes.mjs';

export class Conversation {
  #socket;
  #protocol;
  #owner;
  #asked = null;
  #received = '';
  #ended = false;
  #cause;
  #code;

  constructor(socket, protocol, owner) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#owner = owner;
    socket.setEncoding('latin1');
    socket.on('data', (text) => this.#judge(text));
    socket.on('end', () => {
      if (!this.#ended) this.#fail('eof');
    });
    socket.on('error', (error) => this.#fail(causeOf(error.code), error.code));
    socket.on('close', () => owner.closed(this.#cause, this.#code));
  }

  /** A question is out and its answer is not complete. */
  get waiting() {
    return this.#asked !== null;
  }

  get received() {
    return this.#received;
  }

  /** What was answered last says that the server closes after it. */
  get isLast() {
    return this.#protocol.isLast(this.#received);
  }

  ask(line, isOnly = false) {
    this.#asked = line;
    this.#received = '';
    this.#socket.write(this.#protocol.question(line, isOnly), 'latin1');
  }

  /** Closes our side; the server is expected to close the other. */
  end() {
    this.#ended = true;
    this.#socket.end();
  }

  /** Drops the connection, for this cause. */
  abandon(cause) {
    this.#fail(cause);
    this.#socket.destroy();
  }

  #judge(text) {
    this.#received += text;
    const verdict = this.#asked === null ? WRONG : this.#protocol.check(this.#asked, this.#received);
    if (verdict === INCOMPLETE) return;
    if (verdict === WRONG) {
      this.abandon('wrong-answer');
      return;
    }
    this.#asked = null;
    this.#owner.answered(verdict);
  }

  /** The first cause is the true one: what follows is its consequence. */
  #fail(cause, code) {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#code = code;
  }
}
