import { Socket } from 'node:net';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Connection, type ListenerInfo } from '../../src/connections/connection.js';
import { connectionOf, linkToConnection } from '../../src/connections/connection-of.js';

const LISTENER: ListenerInfo = { name: 'n', bound: 'b', kind: 'tcp', address: '127.0.0.1', port: 1 };

function connection(socket: Socket): Connection {
  return new Connection(1, socket, LISTENER, 1, { tracker: {}, probe: false, late: false });
}

test('a socket leads to its connection, and another one to none', () => {
  const socket = new Socket();
  const first = connection(socket);
  linkToConnection(socket, first);
  expect(connectionOf(socket)).toBe(first);
  expect(connectionOf(new Socket())).toBeUndefined();
  const second = connection(socket);
  linkToConnection(socket, second);
  expect(connectionOf(socket)).toBe(second);
});

test('nobody else sees it: neither in what is printed, nor among the keys, nor through a proxy', () => {
  const socket = new Socket();
  const before = [inspect(socket, { showHidden: true }), Reflect.ownKeys(socket)];
  linkToConnection(socket, connection(socket));
  expect([inspect(socket, { showHidden: true }), Reflect.ownKeys(socket)]).toEqual(before);
  // What HTTP/2 has for `request.socket`.
  expect(connectionOf(new Proxy(socket, {}))).toBeUndefined();
});

test('what is no object leads nowhere', () => {
  for (const nothing of [undefined, null, 'socket']) {
    expect(connectionOf(nothing as unknown as Socket)).toBeUndefined();
  }
});
