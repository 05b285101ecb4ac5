/** Writes its question a byte or so at a time, and reads the long answer in sips: somebody on a bad line. */
import type { Socket } from 'node:net';
import type { Losses } from './losses.js';
import { PatientClient } from './patient-client.js';

/** More than the kernel buffers for a reader that does not read: the server must wait for us. */
const ANSWER_BYTES = 512 * 1024;
const QUESTION = `bulk ${ANSWER_BYTES}\n`;
/** Milliseconds between two bytes of the question, and between two sips, at most. */
const BETWEEN_BYTES = 60;
const BETWEEN_SIPS = 50;
const PATIENCE = 15_000;

export class SlowClient extends PatientClient {
  readonly #random: () => number;

  constructor(port: number, losses: Losses, random: () => number) {
    super('slow', port, losses);
    this.#random = random;
  }

  protected override use(socket: Socket): (error: string | undefined) => string | undefined {
    let asked = 0;
    let received = 0;
    let last = '';
    let timer: NodeJS.Timeout;
    const ask = (): void => {
      socket.write(QUESTION.charAt(asked));
      asked += 1;
      if (asked < QUESTION.length) timer = setTimeout(ask, this.#random() * BETWEEN_BYTES);
    };
    socket.once('connect', ask);
    socket.setEncoding('latin1');
    socket.on('data', (text: unknown) => {
      received += String(text).length;
      last = String(text).slice(-1);
      if (received >= ANSWER_BYTES) {
        socket.end();
        return;
      }
      socket.pause();
      timer = setTimeout(() => socket.resume(), this.#random() * BETWEEN_SIPS);
    });
    const patience = setTimeout(() => socket.destroy(new Error('no answer')), PATIENCE);
    return (error) => {
      clearTimeout(timer);
      clearTimeout(patience);
      if (received === ANSWER_BYTES && last === '\n') return error;
      return `${error ?? 'closed'} after ${asked === QUESTION.length ? 'the question and ' : ''}${received === 0 ? 'no' : 'some'} answer`;
    };
  }

  /** Its answer comes first. */
  protected override leave(): void {}
}
