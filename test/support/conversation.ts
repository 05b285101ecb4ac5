/** One connection that a test keeps open: it asks line by line, and sees whether it was cut. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export class Conversation {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
  }

  /** Connects and waits for a first answer, so that the connection is known to be accepted. */
  static async open(port: number): Promise<Conversation> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const conversation = new Conversation(socket);
    await conversation.ask('keep first');
    return conversation;
  }

  /** The answer to a line. A line that begins with `keep` does not end the connection of a process that drains. */
  async ask(line: string): Promise<string> {
    this.#socket.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the connection was closed before the answer to "${line}"`);
    return value;
  }

  async end(): Promise<void> {
    this.#socket.end();
    await this.closed;
  }
}
