import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ask, echo, rejection, serving, temporaryDirectory } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

test(
  'a server serves where no directory can hold the control socket, and says why only its children may take over',
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
    expect(warning).toMatchObject({
      message: 'no control path: only processes that this one starts can take over; set controlPath',
      facts: { reason: expect.stringContaining(nowhere) as string },
    });
    expect(server.status().controlPath).toBeNull();
    expect(await rejection(server.restart())).toMatchObject({ code: 'UNINTERRUPTIBLE_RESTART_EXITED' });
    expect(await ask(server, 'hello')).toBe('hello');
  },
);
