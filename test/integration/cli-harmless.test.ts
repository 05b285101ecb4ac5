/** Root lists the servers of all users: what these call their paths must not steer its terminal. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { uninterruptible } from '../support/command.js';
import { temporaryDirectory } from '../support/in-process.js';
import { startWith } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

test(
  'a control path with control characters is shown without them',
  requirement('addon', 'proc'),
  async () => {
    const controlPath = join(temporaryDirectory(), 'a\u001b[2J\u009bb\nforged');
    await startWith({ controlPath });
    const here = ['--control', controlPath];
    const nowhere = ['--control', `${controlPath}-of-nobody`];
    const shown = await Promise.all(
      [['list'], ['status', ...here], ['doctor', ...here], ['status', ...nowhere]].map((words) =>
        uninterruptible(words),
      ),
    );
    for (const { stdout, stderr } of shown) {
      const text = stdout + stderr;
      expect(text).toContain('a·b');
      expect(text).not.toMatch(/\u001b|\u009b/);
    }
    for (const { stdout } of shown.slice(0, 3)) expect(stdout).not.toMatch(/^forged/m);
  },
);
