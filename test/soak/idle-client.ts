/**
 * Asks once and is silent then: longer, some of them, than a server may drain. To be cut at that deadline is no loss;
 * to be cut before is one.
 */
import type { Socket } from 'node:net';
import type { Losses } from './losses.js';
import { PatientClient } from './patient-client.js';

const PATIENCE = 15_000;
/** Milliseconds that a cut may seem to come early, by clocks and timers. */
const MARGIN = 100;

export interface Drains {
  /** Milliseconds that a server drains at most. */
  timeout: number;
  /** Since when this one does, in ms since the epoch. */
  since: (pid: number) => number | undefined;
}

export class IdleClient extends PatientClient {
  /** How often a drain was over before it was. */
  cutAtDeadline = 0;
  readonly #drains: Drains;
  readonly #random: () => number;
  #isLeaving = false;

  constructor(port: number, losses: Losses, drains: Drains, random: () => number) {
    super('idle', port, losses);
    this.#drains = drains;
    this.#random = random;
  }

  protected override use(socket: Socket): (error: string | undefined) => string | undefined {
    let answer = '';
    let isOurEnd = false;
    let timer = setTimeout(() => socket.destroy(new Error('no answer')), PATIENCE);
    const leave = (): void => {
      isOurEnd = true;
      socket.end();
    };
    socket.write('idle\n');
    socket.setEncoding('latin1');
    socket.on('data', (text: unknown) => {
      answer += String(text);
      if (!answer.endsWith('\n')) return;
      clearTimeout(timer);
      // Half of them leave before a drain could be over, if one began now.
      if (this.#isLeaving) leave();
      else timer = setTimeout(leave, 2 * this.#random() * this.#drains.timeout);
    });
    return (error) => {
      clearTimeout(timer);
      const pid = Number(/^idle (\d+)\n$/.exec(answer)?.[1]);
      if (Number.isNaN(pid)) return `${error ?? 'closed'} without an answer`;
      if (isOurEnd && error === undefined) return undefined;
      return this.#judgeCut(pid, error);
    };
  }

  protected override leave(socket: Socket): void {
    this.#isLeaving = true;
    // Else its answer is still to come.
    if (socket.bytesRead > 0) socket.end();
  }

  #judgeCut(pid: number, error: string | undefined): string | undefined {
    const { since, timeout } = this.#drains;
    if (this.#isLeaving && error === undefined) return undefined;
    const begun = since(pid);
    if (begun === undefined) return `${error ?? 'closed'} by a server that does not drain`;
    if (Date.now() - begun < timeout - MARGIN) return `${error ?? 'closed'} before the drain was over`;
    this.cutAtDeadline += 1;
    return undefined;
  }
}
