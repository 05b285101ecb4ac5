/** `uninterruptible status --watch`, where nobody looks at a terminal. */
import { describe, expect, test } from 'vitest';
import { normalised } from '../support/command.js';
import { run, start } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('watching', requirement('addon'), () => {
  test('prints a line for each change, through a restart and a stop', async () => {
    const server = await start();
    const first = server.owner;
    let acted = 0;
    const { code, stdout, stderr } = await run('status --watch', {
      onOutput: (text, child) => {
        const lines = text.split('\n').length - 1;
        if (lines >= 1 && acted === 0) {
          acted = 1;
          process.kill(first, 'SIGUSR1');
        } else if (text.includes('generation 2; 0 connections\n') && acted === 1) {
          acted = 2;
          process.kill(server.owner, 'SIGTERM');
        } else if (text.includes('Nobody answers')) child.kill('SIGINT');
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = normalised(stdout, { first, second: server.owner, control: server.controlPath }).split(
      '\n',
    );
    expect(lines[0]).toBe('<clock> serving, pid <first>, generation 1; 0 connections');
    expect(lines).toContain('<clock> serving, pid <second>, generation 2; 0 connections');
    expect(lines.at(-2)).toBe('<clock> Nobody answers at <control>.');
  });

  test('is an object a second with --json', async () => {
    const server = await start();
    const { code, stdout } = await run('status --watch --json', {
      onOutput: (text, child) => {
        if (text.split('\n').length > 2) child.kill('SIGINT');
      },
    });
    expect(code).toBe(0);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.slice(0, 2)).toMatchObject([
      { ok: true, status: { pid: server.owner } },
      { ok: true, status: { pid: server.owner } },
    ]);
  });
});
