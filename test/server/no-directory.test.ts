import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ask, echo, rejection, serving, temporaryDirectory } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

test(
  'a server serves without hand-overs where no directory can hold the control socket, and says why',
  requirement('addon'),
  async () => {
    const nowhere = join(temporaryDirectory(), 'nowhere');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    for (const name of ['TMPDIR', 'XDG_RUNTIME_DIR', 'RUNTIME_DIRECTORY']) vi.stubEnv(name, nowhere);
    const server = await serving(echo, { startCommand: ['true'] });
    expect(await ask(server, 'hello')).toBe('hello');
    const [warning] = server.log.entries.filter(({ level }) => level === 'warn');
    expect(warning?.message).toMatch(
      /^serving without hand-overs: no directory for the control socket .*controlPath$/,
    );
    expect(server.status().controlPath).toBeNull();
    const error = await rejection(server.restart());
    expect(error).toMatchObject({
      code: 'UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE',
      message: expect.stringContaining('set controlPath') as string,
    });
  },
);
