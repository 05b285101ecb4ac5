/** A person at a terminal: lines that fit it, colours, and one frame that is drawn again. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { run, start, startWithPidFile } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('a person at a terminal', requirement('addon', 'python3'), () => {
  /** A pseudo-terminal of so many columns and 30 rows around what follows. */
  const terminal = (columns: number): [string, ...string[]] => [
    'python3',
    '-c',
    [
      'import fcntl, os, pty, struct, sys, termios',
      'size = struct.pack("HHHH", 30, int(sys.argv.pop(1)), 0, 0)',
      'pid, master = pty.fork()',
      'if pid == 0:',
      '  fcntl.ioctl(0, termios.TIOCSWINSZ, size)',
      '  os.execvp(sys.argv[1], sys.argv[1:])',
      'def output():',
      '  while True:',
      '    try: data = os.read(master, 65536)',
      '    except OSError: return',
      '    if not data: return',
      '    os.write(1, data)',
      'import threading',
      'def keys():',
      '  while data := os.read(0, 1024): os.write(master, data)',
      'threading.Thread(target=keys, daemon=True).start()',
      'output()',
      'os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))',
    ].join('\n'),
    String(columns),
  ];
  const TERMINAL = terminal(100);

  test('reads lines that fit a narrow one', async () => {
    const server = await startWithPidFile({ rollbackWindow: 60_000 });
    await server.restart();
    for (const words of ['status', 'list', 'doctor']) {
      const { stdout } = await run(words, { through: terminal(60) });
      const lines = stripVTControlCharacters(stdout).split(/\r?\n/);
      expect(lines.length).toBeGreaterThan(5);
      // But for what is one word: a path is copied whole.
      expect(
        lines.filter((line) => line.length > 60 && line.trim().split(/ {2,}/).at(-1)?.includes(' ')),
      ).toEqual([]);
    }
  });

  test('sees colours there, and only there', async () => {
    await start();
    const GREEN = '\u001b[32mserving\u001b[39m';
    expect((await run('status', { through: TERMINAL })).stdout).toContain(GREEN);
    expect((await run('status', { through: TERMINAL, environment: { NO_COLOR: '1' } })).stdout).not.toContain(
      '\u001b',
    );
    expect((await run('status --json', { through: TERMINAL })).stdout).not.toContain('\u001b');
    expect((await run('status')).stdout).not.toContain('\u001b');
  });

  test('watches one frame that is drawn again, and ends it with Ctrl-C', async () => {
    await start();
    let pressed = false;
    const { code, stdout } = await run('status --watch', {
      through: TERMINAL,
      onOutput: (text, child) => {
        // A second one would kill.
        if (text.split('\u001b[0J').length !== 3 || pressed) return;
        pressed = true;
        child.stdin?.write('\u0003');
      },
    });
    expect(code).toBe(0);
    const [, first = '', second = ''] = stdout.replaceAll('\r', '').split('\u001b[0J');
    const lines = first.split('\n').length - 1;
    // The second begins as many lines higher as the first has.
    expect(first.endsWith(`\n\u001b[${lines}A`) || first.includes(`\u001b[${lines - 1}A`)).toBe(true);
    expect(second).toContain('Ctrl-C ends this');
  });
});
