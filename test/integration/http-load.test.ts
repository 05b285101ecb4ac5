/** Two hundred clients that keep their connections alive, through fifty restarts: no request is cut. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makePair } from '../support/certificates.js';
import { Generations } from '../support/generations.js';
import { KeepAliveClients } from '../support/keep-alive-clients.js';
import { requirement } from '../support/requirements.js';
import { restarts } from '../support/restarts.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/http.mjs', import.meta.url));
const CLIENTS = 200;

let generations: Generations;
afterEach(async () => generations.end());

beforeEach(() => {
  generations = new Generations();
});

async function serving(options: Record<string, unknown> = {}, more: object = {}): Promise<void> {
  const { controlPath, optionsPath } = generations;
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...options }], ...more });
  generations.launch({ command: [process.execPath, FIXTURE, optionsPath] });
  await generations.line('serving');
}

/** The options of a server with a certificate of its own making. */
function certified(): Record<string, string> {
  const { keyPath, certificatePath } = makePair(generations.directory, 'server');
  return { tlsKey: readFileSync(keyPath, 'utf8'), tlsCertificate: readFileSync(certificatePath, 'utf8') };
}

describe('keep-alive clients', requirement('addon', 'openssl'), () => {
  test.each([
    ['HTTP', restarts(50), 'http:', 'http/1.1'],
    ['HTTPS', restarts(20), 'https:', 'http/1.1'],
    ['HTTP/2 over TLS', restarts(20), 'https:', 'h2'],
  ] as const)('lose nothing over %s, through %i restarts', async (_, times, scheme, protocol) => {
    await serving({ http2: true, ...(scheme === 'https:' && certified()) });
    const load = new KeepAliveClients(`${scheme}//127.0.0.1:${generations.port()}`).start(CLIENTS, protocol);
    const first = generations.owner;
    for (let done = 0; done < times; done += 1) await load.answeredBy(await generations.restart());
    const { requests, errors, pids } = await load.stop();
    console.info(`${requests} requests, ${errors.length} lost`);
    expect(errors).toEqual([]);
    expect(pids).toHaveLength(times + 1);
    expect(requests).toBeGreaterThan((CLIENTS * times) / 2);
    await generations.gone(first);
    await generations.until(() => generations.alive().length === 1, 'all earlier generations to leave');
  });

  test('lose some where Node closes the server itself, so that this load would notice', async () => {
    const server = createServer((request, response) => {
      void text(request)
        // So that closing meets requests that are under way.
        .then((body) => delay(2, body))
        .then((body) => response.end(JSON.stringify({ pid: process.pid, body })));
    });
    let lost = 0;
    for (let times = 0; times < 5 && lost === 0; times += 1) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const load = new KeepAliveClients(`http://127.0.0.1:${port}`).start(CLIENTS);
      await load.answered(20 * CLIENTS);
      const closed = new Promise((resolve) => server.close(resolve));
      // Each of them is cut, or refused, once at least.
      await load.answered(2 * CLIENTS);
      const { errors } = await load.stop();
      server.closeAllConnections();
      await closed;
      // Refused are those who come back: nobody else listens here.
      lost = errors.filter((error) => !error.includes('ECONNREFUSED')).length;
    }
    expect(lost).toBeGreaterThan(0);
  });
});

test(
  'a download goes on to its end in the old process, through a restart',
  requirement('addon'),
  async () => {
    await serving({}, { seconds: 30 });
    const first = generations.owner;
    const answer = await fetch(`http://127.0.0.1:${generations.port()}/download`);
    const second = await generations.restart();
    const lines = (await answer.text()).trim().split('\n');
    expect(lines.at(-1)).toBe('end');
    expect(lines).toHaveLength(301);
    expect(new Set(lines.slice(0, -1))).toEqual(new Set([String(first)]));
    expect(second).not.toBe(first);
    await generations.gone(first);
  },
);

test('after a rollback keep-alive clients are served as before', requirement('addon'), async () => {
  await serving({ rollbackWindow: 60_000 });
  const first = generations.owner;
  const second = await generations.restart();
  process.kill(second, 'SIGKILL');
  await generations.line('rolled back');
  const load = new KeepAliveClients(`http://127.0.0.1:${generations.port()}`).start(CLIENTS);
  await load.answeredBy(first);
  const third = await generations.restart();
  await load.answeredBy(third);
  expect((await load.stop()).errors).toEqual([]);
});
