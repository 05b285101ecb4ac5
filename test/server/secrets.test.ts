import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { loadBinding } from '../../src/binding.js';
import { Channel } from '../../src/handover/channel.js';
import { makePair } from '../support/certificates.js';
import { echo, serving, temporaryDirectory, within } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse } from '../support/tls-clients.js';

/** What a process that may take over is told. */
async function offerOf(controlPath: string): Promise<{ ticketKeys: string; sessionIdContext: string }> {
  const loaded = loadBinding();
  if (!('binding' in loaded)) throw new Error(loaded.unavailable);
  const channel = Channel.connect(loaded.binding, controlPath);
  try {
    channel.send({ type: 'take-over', versions: [1], features: [], pid: process.pid });
    const { message } = await channel.receive(5_000);
    if (message.type !== 'offer') throw new Error(message.type);
    return message as unknown as { ticketKeys: string; sessionIdContext: string };
  } finally {
    channel.close();
  }
}

describe('secrets', { ...requirement('addon', 'openssl') }, () => {
  const pair = makePair(certificateDirectory(), 'server');

  test('are the same in all generations, and in no line, status or inspection', async () => {
    const controlPath = join(temporaryDirectory(), 'control');
    const options = { controlPath, tlsKey: pair.key, tlsCertificate: pair.certificate };
    const first = await serving(echo, options);
    const offer = await offerOf(controlPath);
    expect(Buffer.from(offer.ticketKeys, 'base64')).toHaveLength(48);
    await expect.poll(() => first.state).toBe('serving');
    const second = await serving(echo, options);
    await within(first.stopped, 'the old one to leave');
    await converse(second.port(), 'hello');
    // Changes of owner in quick succession wait a second: the offer is what this is about.
    await expect
      .poll(() => offerOf(controlPath).catch(() => undefined), { timeout: 3_000 })
      .toMatchObject({
        ticketKeys: offer.ticketKeys,
        sessionIdContext: offer.sessionIdContext,
      });

    const told = [first, second]
      .map((server) => {
        const entries = inspect(server.log.entries, {
          depth: Infinity,
          maxStringLength: null,
          maxArrayLength: null,
        });
        return `${entries} ${JSON.stringify(server.status())} ${inspect(server, { depth: 4 })}`;
      })
      .join();
    const bytes = Buffer.from(offer.ticketKeys, 'base64');
    const forms = [
      offer.ticketKeys,
      offer.sessionIdContext,
      bytes.toString('hex'),
      inspect(bytes).slice(8, 60),
    ];
    for (const secret of [...forms, pair.key.split('\n')[1]!]) expect(told).not.toContain(secret);
  });
});
