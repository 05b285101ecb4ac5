/** Somebody who listens at a control path and answers as a test wants it, in this process. */
import type { ControlSocket } from '../../src/binding.js';
import { binding } from './control-peer.js';

/** What one connection is answered with, packet by packet; null closes it. A string is sent as it is. */
export type Script = readonly (object | string | null)[];

export class FakeOwner {
  /** First packets, in the order they came. */
  readonly asked: unknown[] = [];
  readonly #listener: ControlSocket;
  readonly #open = new Set<ControlSocket>();

  /** Each connection gets the next script; the last one is for all that follow. */
  constructor(path: string, scripts: readonly Script[]) {
    const { ControlSocket, listenUnix } = binding();
    const left = [...scripts];
    this.#listener = new ControlSocket(
      listenUnix(path, { type: 'seqpacket', backlog: 8, mode: 0o600 }),
      () => {
        const descriptor = this.#listener.accept();
        if (descriptor === null) return;
        const script = left.length > 1 ? left.shift() : left[0];
        const socket = new ControlSocket(descriptor, () => this.#answer(socket, script ?? []));
        this.#open.add(socket);
        socket.ref();
        socket.watch(true, false);
      },
    );
    this.#listener.ref();
    this.#listener.watch(true, false);
  }

  close(): void {
    for (const socket of this.#open) socket.close();
    this.#listener.close();
  }

  #answer(socket: ControlSocket, script: Script): void {
    const packet = socket.receive(65_536);
    if (packet === null) return;
    if (packet.kind !== 'packet') {
      socket.close();
      return;
    }
    this.asked.push(JSON.parse(Buffer.from(packet.data).toString()));
    for (const answer of script) {
      if (answer === null) socket.close();
      else socket.send(Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer)), []);
    }
  }
}
