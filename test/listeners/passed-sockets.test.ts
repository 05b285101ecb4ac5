import { describe, expect, test } from 'vitest';
import type { SocketFacts } from '../../src/binding.js';
import { loadBinding } from '../../src/binding.js';
import { parseListenAddress } from '../../src/listeners/address.js';
import { isBoundTo, PassedSockets } from '../../src/listeners/passed-sockets.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

const tcp = (address: string, port: number): SocketFacts => ({
  family: address.includes(':') ? 'inet6' : 'inet',
  type: 'stream',
  listening: true,
  address,
  port,
});
const unix = (address: string): SocketFacts => ({ ...tcp(address, 0), family: 'unix' });

describe('a passed socket fits', () => {
  test.for([
    ['tcp://127.0.0.1:80', tcp('127.0.0.1', 80), 'exactly'],
    ['tcp://[::1]:80', tcp('::1', 80), 'exactly'],
    ['tcp://0.0.0.0:80', tcp('::', 80), 'roughly'],
    ['tcp://[::]:80', tcp('0.0.0.0', 80), 'roughly'],
    ['tcp://localhost:80', tcp('127.0.0.1', 80), 'roughly'],
    ['tcp://localhost:80', tcp('::1', 80), 'roughly'],
    ['unix:///run/app.sock', unix('/run/app.sock'), 'exactly'],
    ['unix:@app', unix('@app'), 'exactly'],
    ['tcp://127.0.0.1:80', tcp('127.0.0.1', 81), 'not'],
    ['tcp://127.0.0.1:80', tcp('0.0.0.0', 80), 'not'],
    ['tcp://0.0.0.0:80', tcp('127.0.0.1', 80), 'not'],
    ['tcp://[::]:80?ipv6only=1', tcp('0.0.0.0', 80), 'not'],
    ['tcp://0.0.0.0:0', tcp('0.0.0.0', 80), 'not'],
    ['tcp://example.org:80', tcp('127.0.0.1', 80), 'not'],
    ['unix:///run/app.sock', unix('/run/app.sock.old'), 'not'],
    ['unix:@app', unix('/app'), 'not'],
  ] as const)('%s: %o %s', ([text, facts, expected]) => {
    const address = parseListenAddress(text);
    const fit = (['exactly', 'roughly'] as const).find((how) => isBoundTo(address, facts, how)) ?? 'not';
    expect(fit).toBe(expected);
  });
});

describe('sockets that were passed', requirement('addon', 'proc'), () => {
  const loaded = loadBinding();
  const binding = 'binding' in loaded ? loaded.binding : undefined;
  const listen = (host: string): number =>
    binding?.listenTcp(host, 0, { backlog: 1, ipv6Only: false }).release() ?? -1;

  test('are each claimed once; what fits nothing is told, and closed; what is no socket is left alone', () => {
    if (binding === undefined) throw new Error('no addon');
    const file = binding.anonymousFile('file');
    const [pair, otherEnd] = binding.socketPair('stream');
    const passed = new PassedSockets(binding, [
      { fd: listen('127.0.0.1'), name: 'api' },
      { fd: listen('127.0.0.1'), name: 'other' },
      { fd: pair.release(), name: 'pair' },
      { fd: file.fd, name: 'file' },
      { fd: 54_321, name: 'nothing' },
    ]);
    const address = parseListenAddress('tcp://127.0.0.1:0?name=api');
    const claimed = passed.claim(address, 0);
    expect(claimed?.name).toBe('api');
    expect(claimed?.offer().record).toMatchObject({ requested: 'tcp://127.0.0.1:0', lent: true });
    expect(passed.claim(address, 1)).toBeUndefined();
    expect(passed.unclaimed).toEqual([
      expect.stringMatching(/^other \(inet stream 127\.0\.0\.1:\d+\)$/),
      'pair (unix stream not listening )',
      'file (no socket)',
      'nothing (no socket)',
    ]);
    passed.reset();
    const again = passed.claim(address, 0);
    expect(again?.bound).toBe(claimed?.bound);
    passed.close();
    claimed?.drop();
    expect(again?.open).toBe(true);
    again?.drop();
    expect(file.identity()).toBeDefined();
    file.close();
    otherEnd.close();
  });
});
