import { createServer, type ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  conversation,
  drain,
  Held,
  type Http2Client,
  http2Client,
  servingHttp,
  type TestHttpServer,
  tell,
} from '../support/http.js';
import { client, until, within } from '../support/in-process.js';

expectNoDescriptorLeak();

const BOTH = { http2: true };
const EVERY_STREAM = 2 ** 31 - 1;

/** A session that has asked something, and is idle. */
async function idleSession(server: TestHttpServer): Promise<Http2Client> {
  const session = http2Client(`http://127.0.0.1:${server.port}`);
  await session.ask('/before');
  await until(() => server.status().connections.idle === 1, 'an idle session');
  return session;
}

test('in cleartext one port speaks HTTP/1.1 and HTTP/2', async () => {
  const server = await servingHttp(tell, BOTH);
  const session = http2Client(`http://127.0.0.1:${server.port}`);
  expect(await session.ask('/two', 'body')).toMatchObject({ status: 200, body: 'POST /two 4' });
  const talk = await conversation(server);
  expect(await talk.post('/one', 'body').answer()).toMatchObject({ status: 200, body: 'POST /one 4' });
  expect(server.status()).toMatchObject({ connections: { idle: 2 }, requests: { active: 0, total: 2 } });
});

test.each([['P'], ['PR'], ['PRI * HTTP/2.0\r\n\r\n']])(
  'a client is understood that stops after %j',
  async (start) => {
    const server = await servingHttp(tell, BOTH);
    const raw = await client({ port: server.port, host: '127.0.0.1' });
    raw.setNoDelay(true);
    raw.write(start);
    await until(() => server.status().connections.busy === 1, 'the first bytes');
    const rest = start.startsWith('PRI')
      ? Buffer.concat([Buffer.from('SM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])])
      : Buffer.from(`${'PROPFIND'.slice(start.length)} / HTTP/1.1\r\nHost: test\r\n\r\n`);
    const answer = new Promise<Buffer>((resolve) => raw.once('data', resolve));
    raw.write(rest);
    const seen = await within(answer, 'an answer');
    // A SETTINGS frame, or a status line.
    expect(start.startsWith('PRI') ? seen[3] : seen.toString('latin1', 0, 8)).toBe(
      start.startsWith('PRI') ? 4 : 'HTTP/1.1',
    );
  },
);

test('without http2 the preface is no request', async () => {
  const server = await servingHttp(tell);
  const talk = (await conversation(server)).send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  expect(await talk.answer()).toMatchObject({ status: 400 });
});

test('streams are the requests, and a session without one is idle', async () => {
  const held = new Held();
  const server = await servingHttp(held.listener, BOTH);
  const session = http2Client(`http://127.0.0.1:${server.port}`);
  const answers = [session.ask('/1'), session.ask('/2')];
  const responses = [await held.of('/1'), await held.of('/2')];
  expect(server.status()).toMatchObject({
    connections: { active: 1, busy: 1 },
    requests: { active: 2, total: 2 },
  });
  for (const [, response] of responses) response.end();
  await Promise.all(answers);
  await until(() => server.status().connections.idle === 1, 'an idle session');
  expect(server.status()).toMatchObject({ connections: { busy: 0 }, requests: { active: 0, total: 2 } });
});

describe('in a drain', () => {
  test('open streams are finished, and the GOAWAY that names them comes at once', async () => {
    const held = new Held();
    const server = await servingHttp(held.listener, BOTH);
    const session = http2Client(`http://127.0.0.1:${server.port}`);
    const [down, up] = [session.ask('/down'), session.ask('/up', 'x'.repeat(100_000))];
    const [[, downloading], [upload, uploaded]] = [await held.of('/down'), await held.of('/up')];
    downloading.write('a');
    const { stopped } = await drain(server);
    await until(() => session.goaways.length > 0, 'a GOAWAY');
    await until(() => session.goaways.length > 1, 'the second');
    expect(session.goaways.slice(0, 2)).toEqual([EVERY_STREAM, 3]);
    let length = 0;
    for await (const chunk of upload) length += (chunk as Buffer).length;
    uploaded.end(String(length));
    downloading.end('b');
    expect(await down).toMatchObject({ status: 200, body: 'ab' });
    expect(await up).toMatchObject({ status: 200, body: '100000' });
    await within(session.closed, 'the end of the session');
    await within(stopped, 'the stop');
  });

  test.each<[string, (handle: () => void) => void]>([
    ['at once', (handle) => handle()],
    ['later', setImmediate],
  ])(
    'an idle session gets its GOAWAY with the next request, ahead of the answer, which is given %s',
    async (_, when) => {
      const server = await servingHttp((request, response) => when(() => void tell(request, response)), BOTH);
      const session = await idleSession(server);
      const { stopped } = await drain(server);
      expect(session.goaways).toEqual([]);
      let seen: number[] = [];
      const stream = session.session.request({ ':path': '/next' });
      stream.on('response', () => {
        seen = [...session.goaways];
      });
      const ended = new Promise((resolve) => stream.resume().on('end', resolve));
      await within(ended, 'the answer');
      expect(seen[0]).toBe(EVERY_STREAM);
      await within(session.closed, 'the end of the session');
      await within(stopped, 'the stop');
    },
  );

  test('streams that come together are all answered', async () => {
    const server = await servingHttp(tell, BOTH);
    const session = await idleSession(server);
    await drain(server);
    const answers = await Promise.all(['/1', '/2', '/3', '/4'].map((path) => session.ask(path)));
    expect(answers.map(({ body }) => body)).toEqual(['GET /1 0', 'GET /2 0', 'GET /3 0', 'GET /4 0']);
    expect(session.goaways[0]).toBe(EVERY_STREAM);
    await within(session.closed, 'the end of the session');
  });

  test('a stream that the client opened before it saw the GOAWAY is answered, or refused unprocessed', async () => {
    const held = new Held();
    const server = await servingHttp(held.listener, BOTH);
    const raw = await client({ port: server.port, host: '127.0.0.1' });
    const delayed = new Delayed(raw);
    const session = http2Client('http://127.0.0.1', { socket: delayed });
    const first = session.ask('/first');
    const [, response] = await held.of('/first');
    delayed.hold();
    await drain(server);
    const second = session.ask('/second');
    response.end('whole');
    delayed.release();
    await expect(second).rejects.toMatchObject({ code: 'ERR_HTTP2_STREAM_ERROR', message: /REFUSED_STREAM/ });
    expect(await first).toMatchObject({ body: 'whole' });
    expect(server.status().requests?.total).toBe(1);
  });

  test('a silent session ends with the keep-alive timeout, and is told so', async () => {
    const server = await servingHttp(tell, { ...BOTH, httpOptions: { keepAliveTimeout: 50 } });
    const session = await idleSession(server);
    const { stopped } = await drain(server);
    await within(session.closed, 'the end of the session');
    expect(session.goaways[0]).toBe(EVERY_STREAM);
    await within(stopped, 'the stop');
  });

  test('a client that ends its half of the connection holds nobody up', async () => {
    const server = await servingHttp(tell, BOTH);
    const raw = await client({ port: server.port, host: '127.0.0.1' });
    const session = http2Client('http://127.0.0.1', { socket: raw });
    await session.ask('/');
    raw.end();
    await until(() => server.activeConnections === 0, 'the end of the connection');
    await within(server.stop(), 'the stop');
  });

  test('a client that resets its stream before the program has it costs nothing', async () => {
    const server = await servingHttp(tell, { ...BOTH, httpOptions: { keepAliveTimeout: 50 } });
    const session = await idleSession(server);
    const { stopped } = await drain(server);
    const stream = session.session.request({ ':path': '/gone' });
    stream.on('error', () => undefined);
    stream.close(2);
    await within(stopped, 'the stop');
    expect(server.log.of('handler failed')).toEqual([]);
  });
});

describe('a server of node:http2 whose program listens for streams', () => {
  const own = (): ReturnType<typeof createServer> =>
    createServer().on('stream', (stream: ServerHttp2Stream) => {
      stream.respond();
      stream.end('core');
    });

  test('drains like any', async () => {
    const server = await servingHttp(own());
    const session = await idleSession(server);
    expect(server.status()).toMatchObject({ connections: { idle: 1 }, requests: { total: 1 } });
    const { stopped } = await drain(server);
    expect(await session.ask('/next')).toMatchObject({ body: 'core' });
    expect(session.goaways[0]).toBe(EVERY_STREAM);
    await within(session.closed, 'the end of the session');
    await within(stopped, 'the stop');
  });
});

/** A client's socket that holds back what the server sends. */
class Delayed extends Duplex {
  readonly #socket: Duplex;
  #held: (Buffer | null)[] | undefined;

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.#take(null));
    socket.on('close', () => this.destroy());
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) this.push(chunk);
  }

  override _read(): void {
    // It flows anyway.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer | null): void {
    if (this.#held === undefined) this.push(chunk);
    else this.#held.push(chunk);
  }
}
