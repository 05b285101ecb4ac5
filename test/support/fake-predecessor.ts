/** Somebody at a control path who is asked for the service, and answers as a test wants: a predecessor, in this process. */
import { join } from 'node:path';
import type { ControlSocket, Descriptor } from '../../src/binding.js';
import { Ownership } from '../../src/handover/ownership.js';
import { nativeBinding, own } from '../native/support.js';
import { temporaryDirectory } from './in-process.js';

type Answer = (say: Say, message: { type?: string }) => void;
/** A message as JSON, everything else as it is. */
export type Say = (packet: object | string | Uint8Array, descriptors?: readonly Descriptor[]) => void;

export class FakePredecessor {
  readonly controlPath: string;
  /** What it was told, by all who came. */
  readonly heard: string[] = [];
  readonly #listener: ControlSocket;
  readonly #peers: ControlSocket[] = [];
  readonly #answer: Answer;
  #ownership: Ownership | undefined;

  /** Answers each packet. */
  constructor(answer: Answer, controlPath: string = join(temporaryDirectory(), 'control')) {
    const { ControlSocket, listenUnix } = nativeBinding();
    this.#answer = answer;
    this.controlPath = controlPath;
    this.#listener = new ControlSocket(
      listenUnix(controlPath, { type: 'seqpacket', backlog: 64, mode: 0o600 }),
      () => this.#accept(),
    );
    own(this);
    this.#listener.watch(true, false);
  }

  /** Its end of the latest connection. */
  get connection(): Descriptor {
    return duplicateOf(this.#peers.at(-1)?.fd);
  }

  /** What it listens with. */
  get listener(): Descriptor {
    return duplicateOf(this.#listener.fd);
  }

  /** Takes byte 0, as an owner has it, and keeps it. */
  lock(): void {
    this.#ownership = Ownership.of(nativeBinding(), this.controlPath);
    this.#ownership.tryOwner();
  }

  close(): void {
    this.#listener.close();
    this.#ownership?.close();
    for (const peer of this.#peers) peer.close();
  }

  #accept(): void {
    for (let found = this.#listener.accept(); found !== null; found = this.#listener.accept()) {
      const socket: ControlSocket = new (nativeBinding().ControlSocket)(found, () => this.#read(socket));
      this.#peers.push(socket);
      socket.watch(true, false);
    }
  }

  #read(socket: ControlSocket): void {
    while (socket.fd !== -1) {
      const packet = receiveFrom(socket);
      if (packet === null) return;
      if (packet.kind !== 'packet') {
        socket.close();
        return;
      }
      const message = JSON.parse(Buffer.from(packet.data).toString()) as { type?: string };
      this.heard.push(message.type ?? '');
      this.#answer((answer, descriptors = []) => {
        const isRaw = typeof answer === 'string' || answer instanceof Uint8Array;
        sendTo(socket, Buffer.from(isRaw ? answer : JSON.stringify(answer)), descriptors);
      }, message);
    }
  }
}

function receiveFrom(socket: ControlSocket): ReturnType<ControlSocket['receive']> {
  try {
    return socket.receive(65_536);
  } catch {
    return { kind: 'end' }; // it left with something of ours unread
  }
}

function sendTo(socket: ControlSocket, data: Uint8Array, descriptors: readonly Descriptor[]): void {
  try {
    socket.send(data, descriptors);
  } catch {
    socket.close(); // it has left already
  }
}

function duplicateOf(fd: number | undefined): Descriptor {
  const borrowed = nativeBinding().adopt(fd ?? -1);
  try {
    return own(borrowed.duplicate());
  } finally {
    borrowed.release();
  }
}
