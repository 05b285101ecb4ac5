/** The listeners of a process: what it inherited and what it uses. Claiming moves one over; the rest is closed. */
import type { Binding, Descriptor } from '../binding.js';
import type { ListenerRecord } from '../handover/protocol.js';
import type { ListenAddress } from './address.js';
import { adoptListener, type DescriptorListener } from './listener.js';
import { openListener } from './open-listener.js';
import type { PassedSockets } from './passed-sockets.js';

/** What a predecessor offered, by requested address and index, until somebody claims it; then what a service manager passed. */
export class Inheritance {
  readonly #passed: PassedSockets | undefined;
  readonly #offered = new Map<string, { record: ListenerRecord; descriptor: Descriptor; position: number }>();
  readonly #unclaimed = new Set<number>();
  #count = 0;

  constructor(passed?: PassedSockets) {
    this.#passed = passed;
    passed?.reset();
  }

  /** Owns the descriptor from now on. Of two with the same name the first counts. */
  add(record: ListenerRecord, descriptor: Descriptor): void {
    const key = keyOf(record.requested, record.index);
    const position = this.#count++;
    this.#unclaimed.add(position);
    const { kind }: { kind: string } = record;
    if (kind !== 'listener' || this.#offered.has(key)) descriptor.close();
    else this.#offered.set(key, { record, descriptor, position });
  }

  /** Positions in the offer, from 0, of what nobody has claimed. */
  get unclaimed(): number[] {
    return [...this.#unclaimed];
  }

  /** The bound addresses of the listeners that nobody has claimed, until they are closed. */
  get unclaimedAddresses(): string[] {
    return [...this.#offered.values()].map(({ record }) => record.bound);
  }

  /** What was offered and nobody has claimed, in the order of the offer. */
  get records(): ListenerRecord[] {
    return [...this.#offered.values()].map(({ record }) => record);
  }

  /** Whether anything has been claimed. */
  get used(): boolean {
    return this.#unclaimed.size < this.#count;
  }

  claim(address: ListenAddress, index: number): DescriptorListener | undefined {
    const key = keyOf(address.requested, index);
    const found = this.#offered.get(key);
    if (found === undefined) return this.#passed?.claim(address, index);
    const listener = adoptListener(address, index, found.record, found.descriptor);
    this.#offered.delete(key);
    this.#unclaimed.delete(found.position);
    return listener;
  }

  /** Closes what was not claimed: whoever offered it still serves its queue. */
  close(): void {
    for (const { descriptor } of this.#offered.values()) descriptor.close();
    this.#offered.clear();
  }
}

/** A listener and whether this process bound it itself. */
export interface Prepared {
  listener: DescriptorListener;
  inherited: boolean;
}

/**
 * Claims or binds a listener for each address, in order. On an error nothing new stays bound. `seen` counts how often
 * each address came up, in whichever server of the process.
 */
export async function prepareListeners(
  binding: Binding,
  addresses: readonly ListenAddress[],
  inheritance: Inheritance,
  seen: Map<string, number>,
): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  try {
    for (const address of addresses) {
      const index = seen.get(address.requested) ?? 0;
      seen.set(address.requested, index + 1);
      const claimed = inheritance.claim(address, index);
      prepared.push({
        listener: claimed ?? (await openListener(binding, address, index)),
        inherited: claimed !== undefined,
      });
    }
    return prepared;
  } catch (error) {
    abandon(prepared);
    throw error;
  }
}

/** Gives up what was prepared: what was bound here leaves no path behind, what was inherited is only let go. */
export function abandon(prepared: readonly Prepared[]): void {
  for (const { listener, inherited } of prepared) {
    if (!inherited) listener.unlink();
    listener.drop();
  }
}

function keyOf(requested: string, index: number): string {
  return `${index} ${requested}`;
}
