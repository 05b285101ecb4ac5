import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { makePair } from '../support/certificates.js';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse, exactly } from '../support/tls-clients.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
afterEach(async () => generations.end());

describe('TLS across processes', requirement('addon', 'openssl', 'proc'), () => {
  const pair = makePair(certificateDirectory(), 'server');

  test('sessions resume in a process with other arguments, and no secret is told', async () => {
    generations = new Generations();
    const startCommand = [process.execPath, FIXTURE, generations.optionsPath, '--another-argument'];
    const tls = { tlsKey: pair.key, tlsCertificate: pair.certificate };
    const { controlPath } = generations;
    const servers = [{ bind: 'tcp://127.0.0.1:0', logLevel: 'trace', controlPath, startCommand, ...tls }];
    generations.deploy({ servers });
    generations.launch();
    await generations.line('serving');
    const [first, port] = [generations.owner, generations.port()];
    const versions = ['TLSv1.2', 'TLSv1.3'] as const;
    const sessions = [];
    for (const version of versions) {
      const { answer, session } = await converse(port, 'hello\n', exactly(version));
      expect(answer).toBe(`hello ${first}\n`);
      sessions.push(session!);
    }

    const second = await generations.restart();
    await generations.gone(first);
    for (const [at, version] of versions.entries()) {
      const outcome = await converse(port, 'hello\n', { ...exactly(version), session: sessions[at]! });
      expect(outcome).toMatchObject({ answer: `hello ${second}\n`, reused: true });
    }

    const environment = readFileSync(`/proc/${second}/environ`, 'utf8');
    const token = /UNINTERRUPTIBLE_TOKEN=([^\0]+)/.exec(environment)?.[1];
    expect(token).toMatch(/^[\da-f]{64}$/);
    const told = [JSON.stringify(generations.lines), ...generations.stray, generations.stderr].join('\n');
    expect(told).toContain('connection accepted');
    expect(told).not.toContain(token);
    expect(told).not.toContain('PRIVATE KEY');
    expect(told).not.toContain(pair.key.split('\n')[1]);
  });
});
