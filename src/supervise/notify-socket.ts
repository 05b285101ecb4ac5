/** Where the supervised processes say who is the main one (sd_notify(3)), in a directory of this user alone. */
import { rmSync } from 'node:fs';
import type { Binding, ControlSocket, Descriptor } from '../binding.js';
import { createPrivatePath, removePrivateDirectory } from '../handover/control-directory.js';
import { isTrusted } from '../handover/peer.js';
import type { Environment } from '../process/environment.js';

/** What sd_notify(3) and its users send is far shorter. */
const MAX_BYTES = 65_536;

export interface Notification {
  /** Who sent it, as the kernel says; 0 from another pid namespace. */
  sender: number;
  fields: ReadonlyMap<string, string>;
}

export class NotifySocket {
  readonly path: string;
  readonly #socket: ControlSocket;
  readonly #onNotification: (heard: Notification) => void;
  #closed = false;

  /** Throws if there is no directory where nobody else could speak. Keeps the process alive until it is closed. */
  constructor(binding: Binding, environment: Environment, onNotification: (heard: Notification) => void) {
    let bound: Descriptor | undefined;
    const made = createPrivatePath(environment, 'notify', (path) => {
      bound = binding.bindDatagram(path);
    });
    if ('unusable' in made || bound === undefined) {
      throw new Error(`no directory for the socket: ${'unusable' in made ? made.unusable : ''}`);
    }
    this.path = made.path;
    this.#onNotification = onNotification;
    this.#socket = new binding.ControlSocket(bound, () => this.read());
    this.#socket.watch(true, false);
    this.#socket.ref();
  }

  /** Everything that has been said by now, before the loop comes to it. */
  read(): void {
    // What is said may end us.
    while (!this.#closed) {
      const packet = this.#socket.receive(MAX_BYTES);
      if (packet === null || packet.kind === 'end') return;
      if (packet.kind === 'empty') continue;
      // Descriptors are for those who keep them over a restart (FDSTORE); here sockets change hands directly.
      for (const descriptor of packet.descriptors) descriptor.close();
      const { sender, dataTruncated } = packet;
      if (dataTruncated || sender === undefined || !isTrusted(sender)) continue;
      this.#onNotification({ sender: sender.pid, fields: parse(Buffer.from(packet.data).toString()) });
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket.close();
    rmSync(this.path, { force: true });
    removePrivateDirectory(this.path);
  }
}

function parse(text: string): Map<string, string> {
  return new Map(
    text
      .split('\n')
      .map((line) => [line, line.indexOf('=')] as const)
      .filter(([, at]) => at > 0)
      .map(([line, at]) => [line.slice(0, at), line.slice(at + 1)]),
  );
}
