/**
 * Between a process that is about to become another program and its keeper: what is to be done, the sockets, or why not. Its
 * end, after the sockets, tells that the program has begun (execve(2) closes it) or that the process has ended.
 */
import type { Binding, ControlSocket, Descriptor } from '../binding.js';

/** Larger than any packet: the kernel bounds them by the send buffer. */
const MAX_BYTES = 1 << 20;
/** SCM_MAX_FD of the kernel. */
const MAX_DESCRIPTORS = 253;
/** Of reading, in a row. */
const MAX_ERRORS = 8;

/** What the keeper is started for. */
export interface Assignment {
  type: 'assignment';
  /** Of the process that becomes the program. */
  pid: number;
  /** What that is called, for display. */
  program: string;
  /** null: where the predecessor that started it is. */
  controlPath: string | null;
  pidfilePath: string | null;
  /** Addresses to listen on; none: those that are offered. */
  bind: string[];
  /** Milliseconds that the program must have lived; null: none. */
  readyAfter: number | null;
  /** For `sh`; it is good when this exits 0. */
  check: string | null;
  /** Milliseconds for all of it. */
  timeout: number;
  /** Milliseconds from TERM to KILL. */
  drainTimeout: number;
  startCommand: string | null;
  verbose: boolean;
}

/** What they say to each other. */
export type LinkMessage =
  | Assignment
  | { type: 'sockets'; names: string[]; more: boolean }
  /** Before them: the descriptor that the program shall have as its stderr. */
  | { type: 'stderr' }
  | { type: 'failed'; exitCode: number; code: string; message: string };

export interface Heard {
  message: LinkMessage;
  descriptors: Descriptor[];
}

export class Link {
  readonly #socket: ControlSocket;
  readonly #heard: Heard[] = [];
  #wake: (() => void) | undefined;
  #over = false;

  /** Takes the descriptor over. Keeps the process alive until it is closed. */
  constructor(binding: Binding, descriptor: Descriptor) {
    this.#socket = new binding.ControlSocket(descriptor, () => this.#read());
    this.#socket.watch(true, false);
    this.#socket.ref();
  }

  /** Whether nothing more will be heard. */
  get over(): boolean {
    if (!this.#over) this.#read();
    return this.#over;
  }

  /** Both sides are ours and read: a queue that is full is an error like any other. */
  send(message: LinkMessage, descriptors: readonly Descriptor[] = []): void {
    if (!this.#socket.send(Buffer.from(JSON.stringify(message)), descriptors)) {
      throw new Error('the other process does not read');
    }
  }

  sendSockets(sockets: readonly { name: string; descriptor: Descriptor }[]): void {
    let at = 0;
    do {
      const batch = sockets.slice(at, at + MAX_DESCRIPTORS);
      at += MAX_DESCRIPTORS;
      this.send(
        { type: 'sockets', names: batch.map(({ name }) => name), more: at < sockets.length },
        batch.map(({ descriptor }) => descriptor),
      );
    } while (at < sockets.length);
  }

  /** The next message, or undefined at the end. Rejects only if neither comes in time. One reader at a time. */
  async receive(milliseconds: number): Promise<Heard | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => {
      late.abort();
      this.#wake?.();
    }, milliseconds);
    try {
      for (;;) {
        const next = this.#heard.shift();
        if (next !== undefined || this.#over) return next;
        if (late.signal.aborted) throw new Error('The other process has not answered in time.');
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#over = true;
    this.#socket.close();
    this.#wake?.();
  }

  #read(): void {
    let errors = 0;
    while (!this.#over) {
      let packet: ReturnType<ControlSocket['receive']>;
      try {
        packet = this.#socket.receive(MAX_BYTES);
      } catch {
        // ECONNRESET comes before the last word of a peer that closed with our packet unread: read on.
        errors += 1;
        if (errors >= MAX_ERRORS) this.close();
        continue;
      }
      if (packet === null) break;
      // Truncated: no descriptor is left here, so that it is no use.
      if (packet.kind === 'packet' && !packet.descriptorsTruncated) {
        const message = JSON.parse(Buffer.from(packet.data).toString()) as LinkMessage;
        this.#heard.push({ message, descriptors: packet.descriptors });
      } else {
        this.close();
      }
    }
    this.#wake?.();
  }
}
