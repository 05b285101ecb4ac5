/**
 * A conversation with the owner at a control path: one order, its progress, its answer. Whoever has handed over says
 * `moved`, and is followed; every wait ends at a deadline; a peer of another user is not believed a word.
 */
import { lstatSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binding } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import { Channel, closeAll } from '../handover/channel.js';
import { trusted } from '../handover/peer.js';
import type { Message } from '../handover/protocol.js';
import { harmlessLine } from '../process/harmless.js';
import type { Deadline } from './deadline.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { holdersOf } from './processes.js';
import { readSnapshot, type Snapshot } from './snapshot.js';
import { duration } from './text.js';

/** What an operator may order beside `status`. */
export type Order = { type: 'restart' } | { type: 'rollback' } | { type: 'stop'; now?: true };

/** The last word of the owner to an order. An older release knows fewer. */
export type Answer =
  | { type: 'restarted' | 'rolled-back'; pid: number; generation: number }
  | { type: 'failed'; code: string; message: string; stack?: string; lastWords?: string }
  | { type: 'refused'; reason: string; message: string }
  | { type: 'stopping' };

export interface Answered {
  readonly answer: Answer;
  /** Who gave it, as the kernel says; 0 if it is in another pid namespace. */
  readonly peer: number;
}

export interface Stated {
  /** As it came. */
  readonly status: Readonly<Record<string, unknown>>;
  readonly snapshot: Snapshot;
  /** As above. */
  readonly peer: number;
}

export type OnProgress = (step: string, pid: number | undefined) => void;

/** Undefined: the peer is not the owner any more. */
type Read<T> = (channel: Channel, deadline: Deadline, path: string) => Promise<T | undefined>;

/** Between two looks at something that has no event. */
const AGAIN_MILLISECONDS = 50;
/** For so long a process that holds the lock may have no socket at the path: it takes the service over, or back. */
const CHANGE_MILLISECONDS = 2_000;

export class Operator {
  readonly controlPath: string;
  readonly #binding: Binding;

  constructor(binding: Binding, controlPath: string) {
    this.#binding = binding;
    this.controlPath = controlPath;
  }

  status(deadline: Deadline): Promise<Stated> {
    return this.#ask({ type: 'status' }, deadline, readStatus);
  }

  /** The text for Prometheus. */
  metrics(deadline: Deadline): Promise<string> {
    return this.#ask({ type: 'status', metrics: true }, deadline, readMetrics);
  }

  /** Asks again when the owner leaves instead of answering: asking twice does no harm. */
  async #ask<T>(question: Message, deadline: Deadline, read: Read<T>): Promise<T> {
    for (;;) {
      try {
        return await this.#converse(question, deadline, read);
      } catch (error) {
        if (!(error instanceof Failure && error.code === 'closed') || deadline.over) throw error;
        await delay(AGAIN_MILLISECONDS);
      }
    }
  }

  /** Sends an order once to whoever is the owner, and resolves with the last word. */
  order(order: Order, deadline: Deadline, onProgress: OnProgress = () => undefined): Promise<Answered> {
    // `rollback` may be no message of this release's own protocol.
    const first: { type: string } = order;
    return this.#converse(first as Message, deadline, async (channel) => {
      for (;;) {
        const message: Message | Answer = await hear(channel, deadline);
        switch (message.type) {
          case 'progress':
            onProgress(harmlessLine(message.step), message.pid);
            break;
          case 'moved':
            return undefined;
          case 'restarted':
          case 'rolled-back':
          case 'failed':
          case 'refused':
          case 'stopping':
            return { answer: message, peer: channel.peer.pid };
          default:
            throw unexpected(this.controlPath);
        }
      }
    });
  }

  /** Who listens at the path, as the kernel says, whether it answers or not. */
  async owner(deadline: Deadline): Promise<number> {
    const channel = await this.#connect(deadline);
    channel.close();
    return channel.peer.pid;
  }

  async #converse<T>(order: Message, deadline: Deadline, read: Read<T>): Promise<T> {
    for (;;) {
      const channel = await this.#connect(deadline);
      try {
        channel.send(order);
        const result = await read(channel, deadline, this.controlPath);
        if (result !== undefined) return result;
      } catch (error) {
        throw this.#failure(error, channel.peer.pid, deadline);
      } finally {
        channel.close();
      }
      if (deadline.over) throw silent(this.controlPath, 0, deadline);
      await delay(AGAIN_MILLISECONDS);
    }
  }

  async #connect(deadline: Deadline): Promise<Channel> {
    const change = deadline.atMost(CHANGE_MILLISECONDS);
    for (;;) {
      try {
        const channel = Channel.connect(this.#binding, this.controlPath);
        // Root gives orders to everybody's servers, and tells them nothing that is secret.
        return process.geteuid?.() === 0 ? channel : trusted(channel);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') {
          if (deadline.over) throw silent(this.controlPath, 0, deadline);
        } else if (code !== 'ECONNREFUSED' && code !== 'ENOENT') {
          throw notReached(this.controlPath, error as NodeJS.ErrnoException);
        } else if (isNoSocket(this.controlPath)) {
          throw notASocket(this.controlPath);
        } else {
          const holders = holdersOf(this.controlPath);
          if (holders.length === 0 || change.over) throw nobody(this.controlPath, holders);
        }
        await delay(AGAIN_MILLISECONDS);
      }
    }
  }

  #failure(error: unknown, pid: number, deadline: Deadline): Error {
    if (!(error instanceof UninterruptibleError)) return error as Error;
    switch (error.code) {
      case 'UNINTERRUPTIBLE_HANDOVER_TIMEOUT':
        return silent(this.controlPath, pid, deadline);
      case 'UNINTERRUPTIBLE_HANDOVER_CLOSED':
        return new Failure(
          EXIT.unknown,
          'closed',
          `${who(pid)} closed the connection to ${this.controlPath} without an answer.`,
          pid === 0 ? {} : { pid },
        );
      default:
        return new Failure(
          EXIT.unknown,
          'nonsense',
          `What answers at ${this.controlPath} is no server of this library, or of another version: ${harmlessLine(error.message)}`,
        );
    }
  }
}

/** The next message. One who always has another to say is not listened to beyond the deadline. */
async function hear(channel: Channel, deadline: Deadline): Promise<Message> {
  if (deadline.over) throw new UninterruptibleError('UNINTERRUPTIBLE_HANDOVER_TIMEOUT');
  const { message, descriptors } = await channel.receive(deadline.left);
  closeAll(descriptors);
  return message;
}

/** In as many packets as the listeners need. */
async function readStatus(channel: Channel, deadline: Deadline, path: string): Promise<Stated | undefined> {
  const listeners: unknown[] = [];
  let first: Record<string, unknown> | undefined;
  for (;;) {
    const message = await hear(channel, deadline);
    if (message.type === 'moved') return undefined;
    if (message.type === 'refused') throw forbidden(path, message.message);
    if (message.type !== 'status') throw unexpected(path);
    const part = message as { status?: Record<string, unknown>; more?: boolean };
    first ??= part.status ?? {};
    if (Array.isArray(part.status?.['listeners'])) listeners.push(...(part.status['listeners'] as unknown[]));
    if (part.more === true) continue;
    const status = { ...first, listeners };
    return { status, snapshot: readSnapshot(status), peer: channel.peer.pid };
  }
}

/** An older release answers with its status. */
async function readMetrics(channel: Channel, deadline: Deadline, path: string): Promise<string | undefined> {
  let text = '';
  for (;;) {
    const message = await hear(channel, deadline);
    if (message.type === 'moved') return undefined;
    if (message.type === 'refused') throw forbidden(path, message.message);
    if (message.type !== 'status') throw unexpected(path);
    if (!('text' in message)) throw knowsNoMetrics(channel.peer.pid);
    text += message.text;
    if (message.more !== true) return text;
  }
}

function knowsNoMetrics(pid: number): Failure {
  return new Failure(
    EXIT.refused,
    'not-understood',
    `${who(pid)} runs a release that knows no metrics; it serves on.`,
    pid === 0 ? {} : { pid },
  );
}

function who(pid: number): string {
  return pid === 0 ? 'The process that listens there' : `Process ${pid}`;
}

/** It accepts connections in the kernel only: it was stopped, or hangs. */
function silent(path: string, pid: number, deadline: Deadline): Failure {
  return new Failure(
    EXIT.timeout,
    'no-answer',
    `${who(pid)} does not answer at ${path} (waited ${duration(deadline.milliseconds)}).`,
    pid === 0 ? {} : { pid },
  );
}

function nobody(path: string, holders: readonly number[] = []): Failure {
  const stale =
    lstatSync(path, { throwIfNoEntry: false }) === undefined
      ? ''
      : ' It was left by a process that died; the next start replaces it.';
  const behind =
    holders.length === 0
      ? ''
      : ` But ${holders.length === 1 ? 'process' : 'processes'} ${holders.join(', ')} still had its lock file open.`;
  return new Failure(EXIT.nobody, 'nobody', `Nobody answers at ${path}.${stale}${behind}`, {
    controlPath: path,
  });
}

function notASocket(path: string): Failure {
  return new Failure(EXIT.usage, 'not-a-control-path', `${path} is not a control socket.`, {
    controlPath: path,
  });
}

function isNoSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false;
}

function notReached(path: string, error: NodeJS.ErrnoException): Failure {
  const { code, message } = error;
  if (code === 'EPROTOTYPE' || code === 'ENOTDIR') return notASocket(path);
  if (code === 'EACCES' || code === 'EPERM') return forbidden(path, 'only its user, or root, may');
  if (code === 'UNINTERRUPTIBLE_HANDOVER_FORBIDDEN') return forbidden(path, message);
  return new Failure(EXIT.unknown, 'not-reached', `${path} could not be reached: ${message}`, {
    controlPath: path,
  });
}

function forbidden(path: string, why: string): Failure {
  return new Failure(
    EXIT.refused,
    'forbidden',
    `Uid ${process.geteuid?.()} may not give orders at ${path}: ${harmlessLine(why)}.`.replace('..', '.'),
    { controlPath: path },
  );
}

function unexpected(path: string): Failure {
  return new Failure(EXIT.unknown, 'nonsense', `What answers at ${path} says something that is no answer.`);
}
