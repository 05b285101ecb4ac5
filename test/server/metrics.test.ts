import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/metrics/families.js';
import { VERSION } from '../../src/version.js';
import { countersOf, readExposition, valuesOf } from '../support/exposition.js';
import { conversation, servingHttp } from '../support/http.js';
import { client, closed, received, serving, TestServer, until } from '../support/in-process.js';

describe('metrics()', () => {
  test('needs a server that was started', () => {
    expect(() => new TestServer().metrics()).toThrow(
      expect.objectContaining({ code: 'UNINTERRUPTIBLE_STATE_INVALID' }) as Error,
    );
  });

  test('of a server without HTTP has every family but that of requests, at nought', async () => {
    const text = (await serving()).metrics();
    const names = new Set(readExposition(text).map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')));
    const all = Object.keys(FAMILIES);
    expect([...names]).toEqual(all.filter((name) => name !== 'uninterruptible_requests_total'));
    expect(new Set(Object.values(countersOf(text)))).toEqual(new Set([0]));
  });

  test('tells how many connections there are, and were', async () => {
    const server = await serving();
    const [one] = [await client(server), await client(server)];
    await until(() => server.activeConnections === 2, 'both to be accepted');
    expect(valuesOf(server.metrics())).toMatchObject({
      uninterruptible_connections_accepted_total: 2,
      'uninterruptible_connections{generation="1",state="busy"}': 2,
      'uninterruptible_connections{generation="1",state="idle"}': 0,
      uninterruptible_generation: 1,
      uninterruptible_draining_processes: 0,
    });
    one.end();
    await until(() => server.activeConnections === 1, 'one to be closed');
    expect(valuesOf(server.metrics())).toMatchObject({
      uninterruptible_connections_accepted_total: 2,
      'uninterruptible_connections{generation="1",state="busy"}': 1,
    });
  });

  test('tells requests of a server that speaks HTTP, and who is idle', async () => {
    const server = await servingHttp((_, response) => response.end('done'));
    const talk = await conversation(server);
    for (const path of ['/one', '/two']) await talk.get(path).answer();
    await until(() => server.status().requests?.active === 0, 'the answer to be complete');
    expect(valuesOf(server.metrics())).toMatchObject({
      uninterruptible_requests_total: 2,
      uninterruptible_connections_accepted_total: 1,
      'uninterruptible_connections{generation="1",state="busy"}': 0,
      'uninterruptible_connections{generation="1",state="idle"}': 1,
    });
  });

  test('tells who was not let in', async () => {
    const server = await serving(undefined, { allowedNetworks: ['10.0.0.0/8'] });
    const stranger = await client(server);
    await received(stranger).catch(() => undefined);
    await until(() => server.activeConnections === 0, 'the stranger to be refused');
    expect(valuesOf(server.metrics())).toMatchObject({
      uninterruptible_connections_accepted_total: 1,
      'uninterruptible_connections_refused_total{reason="address"}': 1,
      'uninterruptible_connections_refused_total{reason="tls"}': 0,
    });
  });

  test('tells what a drain has cut, and how long it took', async () => {
    const server = await serving(() => new Promise(() => undefined), { drainTimeout: 30 });
    const cut = await client(server);
    await until(() => server.activeConnections === 1, 'it to be accepted');
    await Promise.all([server.stop(), closed(cut)]);
    const values = valuesOf(server.metrics());
    expect(values).toMatchObject({
      uninterruptible_connections_cut_total: 1,
      uninterruptible_drain_duration_seconds_count: 1,
    });
    expect(values['uninterruptible_drain_duration_seconds_sum']).toBeGreaterThan(0.025);
  });

  test('says which versions run, and since when', async () => {
    const before = Date.now();
    const text = (await serving()).metrics();
    const info = readExposition(text).find(({ name }) => name === 'uninterruptible_build_info');
    expect(info?.labels).toMatchObject({ version: VERSION, node: process.version });
    const values = valuesOf(text);
    expect(values['uninterruptible_process_start_time_seconds']).toBeLessThan(before / 1_000);
    expect(values['uninterruptible_counters_start_time_seconds']).toBeLessThan(before / 1_000);
  });
});

test('the version that is told is that of the package', () => {
  const path = new URL('../../package.json', import.meta.url);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ version: VERSION });
});
