/**
 * README.md and the pages of docs that show commands do what they say: their blocks are run in an empty folder that has the
 * packed tarball, and the output is compared.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { Generations } from '../support/generations.js';
import { environmentOfNode, Installation, ROOT } from '../support/packed.js';
import { type Block, parseSections, parseSteps } from '../support/readme/blocks.js';
import { portsTaken, Reader } from '../support/readme/follow.js';
import { requirement } from '../support/requirements.js';

const PORTS = [6789, 6790, 6791, 6792, 6793];
const SHELL_LINES = [
  'npm run demo',
  'npm test',
  'npm install uninterruptible',
  // As package.test.ts does it.
  `(cd ../uninterruptible && npm pack) && npm install ../uninterruptible/uninterruptible-${VERSION}.tgz`,
];
/** Programs that no command of the README starts: the tests at the end do. */
const RUN_APART = ['echo-server.mts', 'queue-server.mjs'];

const sections = parseSections(readFileSync(join(ROOT, 'README.md'), 'utf8'));
const blocks = sections.flatMap((section) => section.blocks);
const pages = ['docs/http.md', 'docs/operating.md', 'docs/operations.md', 'docs/service-managers.md'].flatMap(
  (page) => parseSections(readFileSync(join(ROOT, page), 'utf8')),
);
const files = [...blocks, ...pages.flatMap((section) => section.blocks)].filter(
  (block) => block.file !== undefined,
) as (Block & { file: string })[];
const commands = blocks
  .filter(({ language }) => language === 'console')
  .flatMap((block) => parseSteps(block).map(({ command }) => command));
const toFollow = [...sections, ...pages]
  .filter((section) => section.blocks.some(({ language }) => language === 'console'))
  .map((section) => [section.title, section] as const);

test.each(blocks.map((block) => [block.line, block] as const))(
  'the block in line %i is of a known kind',
  (_line, { language, file, text }) => {
    switch (language) {
      case 'js':
      case 'ts':
        expect(file).toMatch(language === 'js' ? /^[\w-]+\.mjs$/ : /^[\w-]+\.mts$/);
        expect([...RUN_APART, ...commands].some((command) => command.includes(file ?? '?'))).toBe(true);
        break;
      case 'sh':
        for (const line of text.trim().split('\n')) {
          expect(SHELL_LINES).toContain(line.replace(/\s+#.*$/, ''));
        }
        break;
      case 'console':
        expect(text).toMatch(/^\$ /);
        break;
      case 'mermaid':
        expect(text.trim()).not.toBe('');
        break;
      default:
        expect.fail(`a block of ${language || 'no language'} is neither run nor known`);
    }
  },
);

describe('in an empty folder with the tarball', {
  ...requirement('addon', 'bash', 'npm', 'openssl'),
  timeout: 40_000,
}, () => {
  let installation: Installation;
  let reader: Reader;
  let generations: Generations | undefined;

  beforeAll(async () => {
    const taken = await portsTaken(PORTS);
    if (taken.length > 0) {
      throw new Error(`README.md names ports that somebody listens on: ${taken.join(', ')}`);
    }
    installation = await Installation.create();
    for (const name of ['@types/node', 'express', 'tsx']) installation.bring(name);
    for (const { file, text } of files) writeFileSync(installation.path(file), text);
    reader = new Reader(installation);
  });
  afterEach(async () => {
    await reader.processes.end();
    await generations?.end();
    generations = undefined;
  });
  afterAll(() => installation.end());

  test.each(toFollow)(
    '%s: its commands print what stands there, and leave nothing running',
    async (title, section) => {
      expect(title).not.toBe('');
      await reader.follow(section);
      await reader.allGone();
    },
  );

  test('its TypeScript is correct under every strictness', async () => {
    const sources = files.filter(({ language }) => language === 'ts').map(({ file }) => file);
    expect(sources).not.toEqual([]);
    await installation.compile(sources, { module: 'nodenext', verbatimModuleSyntax: true, noEmit: true });
  });

  test('its TypeScript server restarts under tsx', async () => {
    generations = new Generations();
    generations.launch({
      command: ['npx', 'tsx', 'echo-server.mts'],
      environment: environmentOfNode(),
      cwd: installation.directory,
    });
    await generations.line('serving');
    const client = await Client.connect(6789);
    expect(await client.ask('one')).toBe('one');
    await generations.restart();
    // The handler leaves after the answer that follows the abort, and not before.
    expect(await client.ask('two')).toBe('two');
    await client.ended;
    expect(await generations.request('three', { port: 6789 })).toBe('three');
    await stop(generations);
  });

  test('its queue serves two at a time; who waits is counted and served, even across a restart', async () => {
    generations = new Generations();
    generations.launch({
      command: ['node', 'queue-server.mjs'],
      environment: environmentOfNode(),
      cwd: installation.directory,
    });
    await generations.line('serving');
    const clients = [];
    for (const word of ['a', 'b', 'c', 'd']) {
      const client = await Client.connect(6791);
      clients.push({ word, client, answer: client.ask(word) });
    }
    const [a, b, c, d] = clients;
    expect([await a?.answer, await b?.answer]).toEqual(['a', 'b']);
    await generations.restart();
    await generations.line('draining', ({ connections }) => connections === 4);
    expect([c?.client.answered, d?.client.answered]).toEqual([0, 0]);
    a?.client.end();
    expect(await c?.answer).toBe('c');
    expect(d?.client.answered).toBe(0);
    for (const { client } of clients) client.end();
    expect(await d?.answer).toBe('d');
    await stop(generations);
  });
});

async function stop(generations: Generations): Promise<void> {
  process.kill(generations.owner, 'SIGTERM');
  await generations.until(() => generations.alive().length === 0, 'all to leave');
}

/** A client that speaks in lines. */
class Client {
  readonly #socket: Socket;
  readonly #waiting: ((line: string) => void)[] = [];
  answered = 0;
  /** Resolves when the server has ended the connection. */
  readonly ended: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.ended = new Promise((resolve) => socket.once('end', resolve));
    createInterface({ input: socket }).on('line', (line) => {
      this.answered += 1;
      this.#waiting.shift()?.(line);
    });
  }

  static async connect(port: number): Promise<Client> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Client(socket);
  }

  ask(line: string): Promise<string> {
    this.#socket.write(`${line}\n`);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    this.#socket.end();
  }
}
