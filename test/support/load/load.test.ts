import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { requirement } from '../requirements.js';
import { type LoadOptions, type LoadResult, type LoadTarget, startLoad } from './index.js';
import { Latency } from './latency.mjs';
import { achievedRate } from './rate.mjs';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Listens, and closes with all its connections when the test is over. */
async function serve(
  server: Server,
  where: ListenOptions = { host: '127.0.0.1', port: 0 },
): Promise<LoadTarget> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(where);
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address()!;
  return typeof address === 'string' ? { path: address } : { host: address.address, port: address.port };
}

/** A server that calls `answer` for each line; by default it echoes. */
function lineServer(
  answer: (socket: Socket, line: string) => unknown = (socket, line) => socket.write(`${line}\n`),
): Server {
  return createServer((socket) => answerLines(socket, answer));
}

function answerLines(socket: Socket, answer: (socket: Socket, line: string) => unknown): void {
  socket.on('error', () => {});
  createInterface({ input: socket })
    .on('error', () => {}) // the socket's, once more
    .on('line', (line) => answer(socket, line));
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'load-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function load(options: LoadOptions): Promise<LoadResult> {
  const handle = await start(options);
  return handle.result;
}

async function start(options: LoadOptions) {
  const handle = await startLoad({ progressInterval: 20, answerTimeout: 5000, ...options });
  cleanups.push(() => handle.kill());
  return handle;
}

describe('a server that answers', () => {
  test('loses nothing, at the rate asked for', async () => {
    const target = await serve(lineServer());
    const result = await load({ target, rate: 500, duration: 1000 });
    expect(result).toMatchObject({
      attempted: 500,
      answered: 500,
      lost: 0,
      losses: [],
      lostByCause: {},
      pids: {},
    });
    expect(result.rate.requested).toBe(500);
    expect(result.rate.achieved).toBeCloseTo((500 / result.elapsed) * 1000);
    expect(result.rate.fraction).toBeCloseTo(result.rate.achieved / 500);
    expect(result.elapsed).toBeGreaterThanOrEqual(1000);
    const { p50, p99, p999, max } = result.latency;
    expect(p50).toBeGreaterThan(0);
    expect([p50, p99, p999, max]).toEqual([p50, p99, p999, max].sort((a, b) => a - b));
  });

  test('is counted by the pid in its answer, with the wall-clock time of the first and last one', async () => {
    const target = await serve(lineServer((socket, line) => socket.write(`${line} ${process.pid}\n`)));
    const before = performance.timeOrigin + performance.now();
    const result = await load({ target, rate: 200, duration: 300, answer: 'echo-pid' });
    const after = performance.timeOrigin + performance.now();
    expect(result.lost).toBe(0);
    expect(Object.keys(result.pids)).toEqual([String(process.pid)]);
    const { count, first, last } = result.pids[process.pid]!;
    expect(count).toBe(60);
    // Two processes' clocks agree to some milliseconds only.
    expect(first).toBeGreaterThan(before - 50);
    expect(last).toBeGreaterThan(first);
    expect(last).toBeLessThan(after + 50);
  });

  test('gets each line once, with an id of its own', async () => {
    const lines: string[] = [];
    const target = await serve(
      lineServer((socket, line) => {
        lines.push(line);
        socket.write(`${line}\n`);
      }),
    );
    const { run } = await load({ target, rate: 500, duration: 100 });
    expect(lines).toHaveLength(50);
    expect(new Set(lines).size).toBe(50);
    for (const line of lines) expect(line).toMatch(new RegExp(`^${run}-\\d+ 1$`));
  });

  test('may send its answer in pieces', async () => {
    const pieces = (socket: Socket, line: string) => {
      socket.setNoDelay();
      socket.write(line.slice(0, 4), () => socket.write(`${line.slice(4)} 1234`, () => socket.write('5\n')));
    };
    const result = await load({
      target: await serve(lineServer(pieces)),
      rate: 100,
      duration: 200,
      answer: 'echo-pid',
    });
    expect(result).toMatchObject({ answered: 20, lost: 0, pids: { 12345: { count: 20 } } });
  });

  test('may listen on IPv6', requirement('ipv6'), async () => {
    const target = await serve(lineServer(), { host: '::1', port: 0 });
    expect(await load({ target, rate: 200, duration: 200 })).toMatchObject({ answered: 40, lost: 0 });
  });

  test('may listen on a UNIX path', async () => {
    const target = await serve(lineServer(), { path: join(temporaryDirectory(), 'socket') });
    expect(await load({ target, rate: 200, duration: 200 })).toMatchObject({ answered: 40, lost: 0 });
  });

  test('may listen on an abstract UNIX name', requirement('linux'), async () => {
    const path = `\0load-test-${process.pid}`;
    await serve(lineServer(), { path });
    expect(await load({ target: { path }, rate: 200, duration: 200 })).toMatchObject({
      answered: 40,
      lost: 0,
    });
  });

  test('may speak TLS', requirement('openssl'), async () => {
    const [keyPath, certificatePath] = [
      join(temporaryDirectory(), 'key'),
      join(temporaryDirectory(), 'certificate'),
    ];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
        .concat(['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'])
        .concat(['-keyout', keyPath, '-out', certificatePath]),
      { stdio: 'ignore' },
    );
    const cert = readFileSync(certificatePath, 'utf8');
    const server = createTlsServer({ cert, key: readFileSync(keyPath) }, (socket) => {
      answerLines(socket, (_, line) => socket.write(`${line}\n`));
    });
    const options = { rate: 50, duration: 400, longLived: { count: 2, interval: 20 } };
    const target = await serve(server);
    const trusted = await load({ target: { ...target, tls: { ca: cert } }, ...options });
    expect(trusted).toMatchObject({
      answered: 20,
      lost: 0,
      longLived: { opened: 2, cutIdle: 0, cutInRequest: 0 },
    });
    const untrusted = await load({ target: { ...target, tls: {} }, rate: 50, duration: 100 });
    expect(untrusted).toMatchObject({ answered: 0, lost: 5, lostByCause: { error: 5 } });
    expect(untrusted.losses[0]).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  test('is connected to from several source addresses, if asked', requirement('linux'), async () => {
    const sources = new Set<string | undefined>();
    const server = lineServer().on('connection', (socket) => sources.add(socket.remoteAddress));
    await load({ target: await serve(server), rate: 200, duration: 100, sources: 3 });
    expect([...sources].sort()).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
  });
});

describe('a server that speaks HTTP', () => {
  const options = { answer: 'http-pid', duration: 300 } as const;

  test('is asked over new connections, which say that they are the only request', async () => {
    const target = await serve(
      createHttpServer(({ headers }, response) => {
        response.end(headers.connection === 'close' ? `${process.pid}\n` : 'kept');
      }),
    );
    const result = await load({ target, rate: 200, ...options });
    expect(result).toMatchObject({ answered: 60, lost: 0 });
    expect(Object.keys(result.pids)).toEqual([String(process.pid)]);
  });

  test('loses the connections that it answers with another status, or with something else', async () => {
    const target = await serve(
      createHttpServer(({ url }, response) => {
        response.statusCode = url?.endsWith('0/1') ? 500 : 200;
        response.end(url?.endsWith('5/1') ? 'not a pid' : '1');
      }),
    );
    const result = await load({ target, rate: 200, ...options });
    expect(result.lostByCause).toEqual({ 'wrong-answer': 12 });
  });

  test('may announce that it closes a connection, and cut one without a word', async () => {
    let requests = 0;
    const target = await serve(
      createHttpServer((request, response) => {
        requests += 1;
        if (requests === 3) response.setHeader('Connection', 'close');
        if (requests === 6) request.socket.destroy();
        else response.end('1');
      }),
    );
    const { longLived } = await load({ target, longLived: { count: 1, interval: 20 }, ...options });
    expect(longLived).toMatchObject({ announced: 1, cutInRequest: 1, cutIdle: 0, opened: 3 });
  });
});

test('every new connection is recorded, if asked: when it was due, and what became of it', async () => {
  const record = join(temporaryDirectory(), 'record.json');
  let connections = 0;
  const target = await serve(
    createServer((socket) => {
      connections += 1;
      if (connections === 1) socket.destroy();
      else answerLines(socket, (_socket, line) => socket.write(`${line} 7\n`));
    }),
  );
  const { startedAt } = await load({ target, rate: 100, duration: 100, answer: 'echo-pid', record });
  const { answered, lost } = JSON.parse(readFileSync(record, 'utf8'));
  expect(lost).toEqual({ due: [expect.closeTo(startedAt, 1)], cause: [expect.stringMatching(/reset|eof/)] });
  expect(answered.pid).toEqual(Array(9).fill(7));
  const expected = Array.from({ length: 9 }, (_, index) => startedAt + 10 * (index + 1));
  expect(answered.due.sort()).toEqual(expected.map((due) => expect.closeTo(due, 1)));
  expect(answered.latency).toEqual(Array(9).fill(expect.any(Number)));
});

describe('a connection is lost', () => {
  const options = { rate: 100, duration: 200 };

  test('when it is refused', async () => {
    const server = createServer();
    const target = await serve(server);
    server.close();
    await once(server, 'close');
    const result = await load({ target, ...options });
    expect(result).toMatchObject({ attempted: 20, answered: 0, lost: 20, lostByCause: { refused: 20 } });
    expect(result.losses[0]).toMatchObject({
      cause: 'refused',
      code: 'ECONNREFUSED',
      answered: false,
      received: '',
    });
    const first = result.losses.find(({ id }) => id === `${result.run}-1`)!;
    expect(first.startedAt).toBeCloseTo(result.startedAt, 1);
    expect(first.lostAt).toBeGreaterThan(result.startedAt);
  });

  test('when its UNIX path does not exist', async () => {
    const target = { path: join(temporaryDirectory(), 'nothing') };
    expect(await load({ target, ...options })).toMatchObject({ lost: 20, lostByCause: { refused: 20 } });
  });

  test('when it is reset', async () => {
    const target = await serve(createServer((socket) => socket.resetAndDestroy()));
    expect(await load({ target, ...options })).toMatchObject({ lost: 20, lostByCause: { reset: 20 } });
  });

  test('when it ends before an answer', async () => {
    const target = await serve(lineServer((socket) => socket.end()));
    expect(await load({ target, ...options })).toMatchObject({ lost: 20, lostByCause: { eof: 20 } });
  });

  test('when it ends within the answer', async () => {
    const target = await serve(lineServer((socket, line) => socket.end(line.slice(0, 5))));
    const result = await load({ target, ...options });
    expect(result).toMatchObject({ lost: 20, lostByCause: { eof: 20 } });
    expect(result.losses[0]!.received).toBe(result.losses[0]!.id.slice(0, 5));
  });

  test('when the answer is wrong', async () => {
    const target = await serve(lineServer((socket) => socket.write('something else\n')));
    const result = await load({ target, ...options });
    expect(result).toMatchObject({ lost: 20, lostByCause: { 'wrong-answer': 20 } });
    expect(result.losses[0]!.received).toBe('something else\n');
  });

  test('when the answer lacks the pid it should have', async () => {
    const target = await serve(lineServer());
    const result = await load({ target, ...options, answer: 'echo-pid' });
    expect(result).toMatchObject({ lost: 20, lostByCause: { 'wrong-answer': 20 } });
  });

  test('when more is answered than was asked', async () => {
    const target = await serve(lineServer((socket, line) => socket.write(`${line}\n${line}\n`)));
    expect(await load({ target, ...options })).toMatchObject({
      lost: 20,
      lostByCause: { 'wrong-answer': 20 },
    });
  });

  test('when no answer comes in time; those due meanwhile are made nevertheless', async () => {
    const target = await serve(createServer((socket) => socket.resume()));
    const result = await load({ target, ...options, answerTimeout: 300 });
    expect(result).toMatchObject({ attempted: 20, lost: 20, lostByCause: { timeout: 20 } });
    expect(result.losses[0]!.lostAt - result.losses[0]!.startedAt).toBeGreaterThanOrEqual(299);
  });

  test('when half an answer comes and no more', async () => {
    const target = await serve(lineServer((socket, line) => socket.write(line)));
    const result = await load({ target, ...options, answerTimeout: 300 });
    expect(result).toMatchObject({ lost: 20, lostByCause: { timeout: 20 } });
  });

  test('when the server does not close its side after the answer', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      answerLines(socket, (_, line) => socket.write(`${line}\n`)),
    );
    const result = await load({ target: await serve(server), ...options, answerTimeout: 1000 });
    expect(result).toMatchObject({ answered: 0, lost: 20, lostByCause: { 'not-closed': 20 } });
    expect(result.losses[0]).toMatchObject({ answered: true });
  });

  test('and the first hundred are described', async () => {
    const target = { path: join(temporaryDirectory(), 'nothing') };
    const result = await load({ target, rate: 1000, duration: 150 });
    expect(result.lost).toBe(150);
    expect(result.losses).toHaveLength(100);
  });
});

describe('long-lived connections', () => {
  const longLived = { count: 5, interval: 10 };

  test('stay to the end', async () => {
    let connections = 0;
    const server = lineServer().on('connection', () => (connections += 1));
    const handle = await start({ target: await serve(server), longLived });
    await handle.waitFor(({ longLived }) => longLived!.answered >= 50, 5000);
    const result = await handle.stop();
    expect(result.attempted).toBe(0);
    expect(result.longLived).toMatchObject({
      opened: 5,
      open: 0,
      cutIdle: 0,
      cutInRequest: 0,
      unanswered: 0,
      wrongAnswers: 0,
      failedToOpen: 0,
      notClosed: 0,
      cuts: [],
    });
    expect(result.longLived!.longestGap).toBeGreaterThanOrEqual(9);
    expect(connections).toBe(5);
  });

  test('are closed and opened again after a while, if asked', async () => {
    const target = await serve(lineServer());
    const handle = await start({ target, longLived: { ...longLived, holdFor: 50 } });
    await handle.waitFor(({ longLived }) => longLived!.opened >= 25, 5000);
    expect((await handle.stop()).longLived).toMatchObject({
      open: 0,
      cutIdle: 0,
      cutInRequest: 0,
      failedToOpen: 0,
    });
  });

  test('that are cut with a question out are counted, and opened again', async () => {
    const cutSecond = (socket: Socket, line: string) =>
      Number(line.split(' ')[1]) % 2 === 0 ? socket.end() : socket.write(`${line}\n`);
    const handle = await start({ target: await serve(lineServer(cutSecond)), longLived });
    await handle.waitFor(({ longLived }) => longLived!.cutInRequest >= 10, 5000);
    const { cutIdle, cutInRequest, opened, cuts } = (await handle.stop()).longLived!;
    expect(cutIdle).toBe(0);
    expect(opened).toBeGreaterThanOrEqual(cutInRequest);
    expect(cuts[0]).toMatchObject({ kind: 'cutInRequest', cause: 'eof' });
  });

  test('that are cut between two questions are counted apart', async () => {
    const answerAndEnd = (socket: Socket, line: string) => socket.end(`${line}\n`);
    const handle = await start({
      target: await serve(lineServer(answerAndEnd)),
      longLived: { ...longLived, interval: 5000 },
    });
    await handle.waitFor(({ longLived }) => longLived!.cutIdle >= 10, 5000);
    expect((await handle.stop()).longLived).toMatchObject({ cutInRequest: 0, unanswered: 0 });
  });

  test('that are not answered in time are counted', async () => {
    const target = await serve(createServer((socket) => socket.resume()));
    const handle = await start({ target, longLived, answerTimeout: 100 });
    await handle.waitFor(({ longLived }) => longLived!.unanswered >= 5, 5000);
    expect((await handle.stop()).longLived).toMatchObject({ answered: 0, cutIdle: 0, cutInRequest: 0 });
  });

  test('that cannot be opened are counted and tried again', async () => {
    const target = { path: join(temporaryDirectory(), 'nothing') };
    const handle = await start({ target, longLived });
    await handle.waitFor(({ longLived }) => longLived!.failedToOpen >= 10, 5000);
    expect((await handle.stop()).longLived).toMatchObject({ opened: 0, cutIdle: 0 });
  });
});

describe('the handle', () => {
  test('stops a load that has no end, and then knows its rate', async () => {
    const handle = await start({ target: await serve(lineServer()), rate: 200 });
    await handle.waitFor(({ answered }) => answered >= 20, 5000);
    const result = await handle.stop();
    expect(result.attempted).toBe(result.answered);
    expect(result.rate.achieved).toBeCloseTo((result.attempted / result.elapsed) * 1000);
  });

  test('says what it waited for in vain', async () => {
    const handle = await start({ target: await serve(lineServer()), rate: 10 });
    await expect(handle.waitFor(({ lost }) => lost > 0, 50, 'a loss')).rejects.toThrow(
      /^waited 50 ms for a loss; last progress: /,
    );
  });

  test('says when the load ended before what it waited for', async () => {
    const handle = await start({ target: await serve(lineServer()), rate: 100, duration: 50 });
    await expect(handle.waitFor(({ lost }) => lost > 0, 5000, 'a loss')).rejects.toThrow(
      /^the load ended before a loss; /,
    );
  });

  test('rejects options that mean nothing', async () => {
    const target = { path: '/nowhere' };
    await expect(startLoad({ target, rte: 1 } as LoadOptions)).rejects.toThrow(/unknown option: rte$/);
    await expect(startLoad({ target: {} as LoadTarget })).rejects.toThrow(/target\.port/);
    await expect(startLoad({ target: { path: 'x'.repeat(108) } })).rejects.toThrow(/at most 107 bytes/);
  });

  test('rejects the result when the generator dies', async () => {
    const handle = await start({ target: await serve(lineServer()), rate: 10 });
    await handle.kill();
    await expect(handle.stop()).rejects.toThrow(/the load generator ended \(SIGKILL\)/);
  });
});

test('the generator ends when its starter does', async () => {
  const options = JSON.stringify({ target: { path: '/nowhere' } });
  const program = fileURLToPath(new URL('main.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, options], { stdio: ['pipe', 'pipe', 'inherit'] });
  cleanups.push(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.stdin.destroy();
  expect(await once(child, 'exit')).toEqual([1, null]);
});

test('percentiles are those of what was recorded', () => {
  const latency = new Latency();
  expect(latency.summary()).toEqual({ p50: 0, p99: 0, p999: 0, max: 0 });
  for (let milliseconds = 1000; milliseconds >= 1; milliseconds -= 1) latency.record(milliseconds);
  const { p50, p99, p999, max } = latency.summary();
  const isAbout = (value: number, expected: number) => Math.abs(value - expected) <= expected / 1000;
  expect([isAbout(p50, 500), isAbout(p99, 990), isAbout(p999, 999), isAbout(max, 1000)]).toEqual([
    true,
    true,
    true,
    true,
  ]);
});

test('a rate under 95 % of what was asked for is flagged', () => {
  expect(achievedRate(2000, 19_000, 10_000)).toEqual({
    requested: 2000,
    achieved: 1900,
    fraction: 0.95,
    reached: true,
  });
  expect(achievedRate(2000, 18_999, 10_000).reached).toBe(false);
  expect(achievedRate(0, 0, 10_000)).toEqual({ requested: 0, achieved: 0, fraction: 1, reached: true });
  expect(achievedRate(2000, 0, 0)).toMatchObject({ achieved: 0, reached: false });
});
