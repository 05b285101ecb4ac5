import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ObservedProcess } from '../../src/process/observed-process.js';
import { statOf } from '../../src/process/process-stat.js';
import { stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

vi.mock('../../src/process/process-stat.js', { spy: true });

describe('an observed process', requirement('linux', 'proc'), () => {
  test('is alive until it has ended, also before it is reaped', async () => {
    // The parent becomes one that waits for nobody, so what is left of its child stays.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    // Until then it is a shell, which waits for its children.
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8').trim()).toBe('sleep');
    const child = new ObservedProcess(pid);
    expect(child).toMatchObject({ alive: true, isOurChild: false });
    expect(child.signal('SIGKILL')).toBe(true);
    await expect.poll(() => stateOf(pid)).toBe('Z');
    expect(child.alive).toBe(false);
    expect(child.signal('SIGKILL')).toBe(false);
  });

  test('is ours if we have started it', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const observed = new ObservedProcess(child.pid ?? 0);
    expect(observed.isOurChild).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(observed).toMatchObject({ alive: false, isOurChild: false });
  });

  test('is not there if there was none of that pid', () => {
    expect(new ObservedProcess(2 ** 30).alive).toBe(false);
  });

  test('is not whoever was given its pid later', () => {
    const self = new ObservedProcess(process.pid);
    expect(self.alive).toBe(true);
    const now = statOf(process.pid);
    if (now === undefined) throw new Error('not found');
    vi.mocked(statOf).mockReturnValueOnce({ ...now, startTime: '1' });
    expect(new ObservedProcess(process.pid).alive).toBe(false);
  });
});
