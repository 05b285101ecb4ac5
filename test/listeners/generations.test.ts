import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  client,
  nextChunk,
  received,
  rejection,
  serving,
  type TestServer,
  temporaryDirectory,
  until,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

describe('when the next generation listens elsewhere', { ...requirement('addon') }, () => {
  let directory: string;
  beforeEach(() => {
    directory = temporaryDirectory();
  });

  const at = (name: string): string => join(directory, name);
  const unix = (...names: string[]): string[] => names.map((name) => `unix://${at(name)}?name=${name}`);

  /** Answers with its word and the name of the listener. */
  function generation(word: string, bind: string[], more: object = {}): Promise<TestServer> {
    const answer = async (socket: Socket, { listener }: { listener: { name: string } }): Promise<void> => {
      for await (const chunk of socket) socket.write(`${word} ${listener.name} ${String(chunk)}`);
    };
    return serving(answer, { controlPath: at('control'), bind, ...more });
  }

  test('the order of its listeners means nothing', async () => {
    const first = await generation('old', unix('a', 'b', 'c'));
    const second = await generation('new', unix('c', 'a', 'b'));
    await within(first.stopped, 'the old one to leave');
    expect(second.boundListeners.map(({ name }) => name)).toEqual(['c', 'a', 'b']);
    for (const name of ['a', 'b', 'c']) {
      expect(await ask({ path: at(name) }, 'hello')).toBe(`new ${name} hello`);
    }
  });

  test('what is new is bound before it is ready, and served after', async () => {
    const first = await generation('old', unix('a'));
    const second = await generation('new', [...unix('a', 'b'), 'tcp://127.0.0.1:0']);
    await within(first.stopped, 'the old one to leave');
    expect(await ask({ path: at('b') }, 'hello')).toBe('new b hello');
    expect(await ask({ port: second.boundListeners[2]?.port ?? 0 }, 'hello')).toContain('new');
  });

  test('what it has no use for is refused from then on, and its path is gone', async () => {
    const first = await generation('old', [...unix('a', 'b'), 'tcp://127.0.0.1:0?name=tcp']);
    const port = first.port('tcp');
    await generation('new', unix('b'));
    await within(first.stopped, 'the old one to leave');
    expect(existsSync(at('a'))).toBe(false);
    expect(await rejection(ask({ port, host: '127.0.0.1' }, 'hello'))).toMatchObject({
      code: 'ECONNREFUSED',
    });
    expect(await ask({ path: at('b') }, 'hello')).toBe('new b hello');
  });

  test.each<[string, string[]]>([
    ['UNIX', ['unix']],
    ['TCP', ['tcp']],
  ])('the old one serves who waits at a %s listener that the new one has no use for', async (_, [kind]) => {
    const bind = kind === 'unix' ? unix('a') : ['tcp://127.0.0.1:0?name=a'];
    // Full, so that clients wait in the kernel's queue.
    const first = await generation('old', [...bind, ...unix('b')], { maxConnections: 1 });
    const target = kind === 'unix' ? { path: at('a') } : { port: first.port('a'), host: '127.0.0.1' };
    const held = await client({ path: at('b') });
    held.write('held');
    await nextChunk(held);
    const waiting = [await client(target), await client(target), await client(target)];
    for (const socket of waiting) socket.end('waiting');
    await generation('new', unix('b'));
    expect(await Promise.all(waiting.map(received))).toEqual(Array(3).fill('old a waiting'));
    held.end();
    await within(first.stopped, 'the old one to leave');
  });

  test('what was removed can come back', async () => {
    const first = await generation('one', unix('a', 'b'));
    await generation('two', unix('b'));
    await within(first.stopped, 'the first to leave');
    const third = await generation('three', unix('b', 'a'));
    expect(third.generation).toBe(3);
    expect(await ask({ path: at('a') }, 'hello')).toBe('three a hello');
  });

  test('a new address that is taken keeps the old version serving', async () => {
    const other = await serving();
    const first = await generation('old', unix('a'));
    const taken = `tcp://127.0.0.1:${other.port()}`;
    const failure = await rejection(generation('new', [...unix('a', 'b'), taken]));
    expect(failure).toMatchObject({ code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE' });
    await until(() => first.state === 'serving', 'the old one to serve again');
    expect(await ask({ path: at('a') }, 'hello')).toBe('old a hello');
    expect(existsSync(at('b'))).toBe(false);
  });
});
