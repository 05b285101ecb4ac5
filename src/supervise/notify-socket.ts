/** Where the supervised processes say who is the main one (sd_notify(3)), in a directory of this user alone. */
import { existsSync, rmSync } from 'node:fs';
import type { Binding, ControlSocket, Descriptor } from '../binding.js';
import {
  createPrivatePath,
  removePrivateDirectory,
  restorePrivateDirectory,
} from '../handover/control-directory.js';
import { isTrusted } from '../handover/peer.js';
import type { Environment } from '../process/environment.js';

/** What sd_notify(3) and its users send is far shorter. */
const MAX_BYTES = 65_536;

/** More than a queue holds (net.unix.max_dgram_qlen): signals must get their turn, whoever floods us. */
const MOST_AT_ONCE = 2_000;
/** How often it is looked whether the path is still there, in ms. */
const LOOK_EVERY = 5_000;

export interface Notification {
  /** Who sent it, as the kernel says; 0 from another pid namespace. */
  sender: number;
  fields: ReadonlyMap<string, string>;
}

export class NotifySocket {
  readonly path: string;
  readonly #binding: Binding;
  #socket: ControlSocket;
  readonly #onNotification: (heard: Notification) => void;
  readonly #look: NodeJS.Timeout;
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
    this.#binding = binding;
    this.#socket = this.#watch(bound);
    this.#look = setInterval(() => this.#restore(), LOOK_EVERY);
  }

  #watch(bound: Descriptor): ControlSocket {
    const socket = new this.#binding.ControlSocket(bound, () => this.read());
    socket.watch(true, false);
    socket.ref();
    return socket;
  }

  /** A cleaner of temporary files may have removed it, and a main process that is not announced would be the last. */
  #restore(): void {
    if (existsSync(this.path)) return;
    try {
      restorePrivateDirectory(this.path);
      const socket = this.#watch(this.#binding.bindDatagram(this.path));
      // What was said before is still in the old one.
      this.read();
      this.#socket.close();
      this.#socket = socket;
    } catch {
      // Somebody else has that name now, or the disk is full: the next look may find it otherwise.
    }
  }

  /** Everything that has been said by now, before the loop comes to it. */
  read(): void {
    // What is said may end us.
    for (let heard = 0; heard < MOST_AT_ONCE && !this.#closed; heard++) {
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
    clearInterval(this.#look);
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
