/** A service manager's end of sd_notify(3): records every datagram, in order, with its sender. */
import { join } from 'node:path';
import type { ControlSocket } from '../../src/binding.js';
import { loadBinding } from '../../src/binding.js';

export interface Notification {
  /** Who sent it, as the kernel says. */
  pid: number;
  fields: Record<string, string>;
  /** Names in the order they were written, without values. */
  names: string;
  /** When it was read. */
  at: number;
}

export class Notifications {
  readonly path: string;
  readonly all: Notification[] = [];
  readonly #socket: ControlSocket;

  /** `onMessage` is called after each. */
  constructor(directory: string, onMessage: () => void = () => undefined) {
    const loaded = loadBinding();
    if (!('binding' in loaded)) throw new Error(loaded.unavailable);
    const { binding } = loaded;
    this.path = join(directory, 'notify');
    this.#socket = new binding.ControlSocket(binding.bindDatagram(this.path), () => {
      this.#take();
      onMessage();
    });
    this.#socket.watch(true, false);
  }

  /** Reads no more, so that its queue fills, until called again with true. */
  read(on: boolean): void {
    this.#socket.watch(on, false);
  }

  /** What changes the state of a unit, without what is only shown or repeated: `pid NAME=value …`. */
  get states(): string[] {
    return this.all.flatMap(({ pid, fields, names }) => {
      if (names === 'MAINPID' && fields['MAINPID'] === String(pid)) return [];
      const kept = Object.entries(fields).filter(([name]) =>
        /^(READY|MAINPID|RELOADING|STOPPING)$/.test(name),
      );
      return kept.length === 0 ? [] : [`${pid} ${kept.map(([name, value]) => `${name}=${value}`).join(' ')}`];
    });
  }

  /** Every STATUS line. */
  get statuses(): string[] {
    return this.all.flatMap(({ fields }) => fields['STATUS'] ?? []);
  }

  close(): void {
    this.#socket.close();
  }

  #take(): void {
    for (;;) {
      const packet = this.#socket.receive(65_536);
      if (packet?.kind !== 'packet') return;
      const fields = Object.fromEntries(
        Buffer.from(packet.data)
          .toString()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ) as Record<string, string>;
      this.all.push({
        pid: packet.sender?.pid ?? 0,
        fields,
        names: Object.keys(fields).join(' '),
        at: performance.now(),
      });
    }
  }
}
