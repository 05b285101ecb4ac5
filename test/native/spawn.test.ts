import { mkdirSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Binding, Descriptor } from '../../src/binding.js';
import { exitOf } from '../../src/process/child.js';
import { nulTerminated } from '../../src/process/words.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import {
  Child,
  closeAfterEach,
  errorOf,
  fixturePath,
  inTime,
  nativeBinding,
  own,
  ownAll,
  temporaryDirectory,
} from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

const words = (...list: string[]): Uint8Array => nulTerminated(list);

interface Started {
  paths?: string[];
  command: string[];
  environment?: string[];
  directory?: string;
  descriptors?: Descriptor[];
}

function start({
  paths = ['/bin/sh'],
  command,
  environment = ['A=1'],
  directory = '/',
  descriptors = [],
}: Started): number {
  return nativeBinding().startProgram(
    words(...paths),
    words(...command),
    words(...environment),
    directory,
    descriptors,
  );
}

/** A file that can be written to and read again. */
class Sink {
  readonly path = join(temporaryDirectory(), 'sink');
  readonly descriptor: Descriptor;

  constructor() {
    writeFileSync(this.path, '');
    this.descriptor = own(nativeBinding().adopt(openSync(this.path, 'a')));
  }

  get text(): string {
    return readFileSync(this.path, 'utf8');
  }
}

const ended = (pid: number) => inTime(exitOf(nativeBinding(), pid), 'the end of the child');

/** What `sh` prints to stderr. */
async function printed(script: string, options: Omit<Started, 'command'> = {}): Promise<string> {
  const sink = new Sink();
  const descriptors = [sink.descriptor, ...(options.descriptors ?? [])];
  const pid = start({ ...options, command: ['sh', '-c', script], descriptors });
  expect(await ended(pid)).toEqual({ code: 0, signal: null });
  return sink.text.trim();
}

describe('startProgram', requirement('addon', 'proc'), () => {
  test('gives the program its words, environment and directory, and nothing else', async () => {
    const directory = realpathSync(temporaryDirectory());
    const options = { environment: ['A=one', 'B=two words', 'PATH=/usr/bin:/bin'], directory };
    expect(
      await printed('env | grep -v -e ^PWD -e ^_ -e ^SHLVL -e ^OLDPWD | sort >&2; pwd >&2', options),
    ).toBe(['A=one', 'B=two words', 'PATH=/usr/bin:/bin', directory].join('\n'));
  });

  test('makes it the leader of a session of its own', async () => {
    const stat = await printed('read -r line < /proc/self/stat; echo "$line" >&2');
    const [pid, , , , group, session] = stat.split(' ');
    expect(group).toBe(pid);
    expect(session).toBe(pid);
  });

  test('passes descriptors from 2 on, in order, whatever their numbers were', async () => {
    const sinks = Array.from({ length: 3 }, () => new Sink());
    const descriptors = sinks.map(({ descriptor }) => descriptor).reverse();
    const said = await printed('echo 3 >&3; echo 4 >&4; echo 5 >&5', { descriptors });
    expect(said).toBe('');
    expect(sinks.map(({ text }) => text.trim())).toEqual(['5', '4', '3']);
  });

  test('passes no other descriptor', async () => {
    const pipe = ownAll(nativeBinding().pipe());
    const open = await printed('ls /proc/self/fd >&2', { environment: ['PATH=/usr/bin:/bin'] });
    expect(open.split('\n')).toEqual(expect.arrayContaining(['0', '1', '2']));
    for (const { fd } of pipe) expect(open.split('\n')).not.toContain(String(fd));
  });

  test('leaves no signal ignored or blocked', async () => {
    const status = await printed('grep -e SigBlk -e SigIgn /proc/self/status >&2', {
      environment: ['PATH=/usr/bin:/bin'],
    });
    expect(status.match(/[0-9a-f]{16}/g)).toEqual(['0'.repeat(16), '0'.repeat(16)]);
  });

  test('makes its stderr blocking', async () => {
    const [read, write] = nativeBinding().pipe();
    own(read);
    own(write).setNonBlocking(true);
    const pid = start({ command: ['sh', '-c', ':'], descriptors: [write] });
    await ended(pid);
    expect(write.isNonBlocking()).toBe(false);
  });

  test('tells how it ended, once', async () => {
    const byItself = start({ command: ['sh', '-c', 'exit 7'] });
    expect(await ended(byItself)).toEqual({ code: 7, signal: null });
    const bySignal = start({ command: ['sh', '-c', 'kill -9 $$'] });
    expect(await ended(bySignal)).toEqual({ code: null, signal: 'SIGKILL' });
    expect(nativeBinding().waitForChild(bySignal).kind).toBe('no-child');
    // As after somebody else has waited for it.
    expect(await ended(bySignal)).toEqual({ code: null, signal: null });
  });

  test('tells of an end where the kernel has no pidfd, and where its descriptors have run out', async () => {
    const binding: Binding = {
      ...nativeBinding(),
      openProcess: () => {
        throw Object.assign(new Error('ENOSYS'), { code: 'ENOSYS' });
      },
    };
    const pid = start({ command: ['sh', '-c', 'exit 3'] });
    expect(await inTime(exitOf(binding, pid), 'the end')).toEqual({ code: 3, signal: null });
  });

  test('asks again if the end was told before it can be waited for', async () => {
    let asked = 0;
    const binding: Binding = {
      ...nativeBinding(),
      waitForChild: (pid) => {
        asked += 1;
        return asked < 3 ? { kind: 'none' } : nativeBinding().waitForChild(pid);
      },
    };
    const pid = start({ command: ['sh', '-c', 'exit 3'] });
    expect(await inTime(exitOf(binding, pid), 'the end')).toEqual({ code: 3, signal: null });
    expect(asked).toBe(3);
  });

  test('looks for it in one place after the other', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'forbidden'), '', { mode: 0o600 });
    const paths = [join(directory, 'nowhere'), join(directory, 'forbidden'), '/bin/sh/sh', '/bin/sh'];
    const pid = start({ paths, command: ['sh', '-c', 'exit 4'] });
    expect(await ended(pid)).toEqual({ code: 4, signal: null });
  });

  test('looks for a path without a slash at its beginning from its directory', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'bin'));
    writeFileSync(join(directory, 'bin', 'program'), '#!/bin/sh\nexit 5\n', { mode: 0o700 });
    const pid = start({ paths: ['./bin/program'], command: ['program'], directory });
    expect(await ended(pid)).toEqual({ code: 5, signal: null });
  });

  test('runs a script that names no interpreter, with its words', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'script'), 'test "$1 $2" = "one two words" && exit 6\n', { mode: 0o700 });
    const pid = start({ paths: [join(directory, 'script')], command: ['script', 'one', 'two words'] });
    expect(await ended(pid)).toEqual({ code: 6, signal: null });
  });

  test.each([
    ['nothing is there', { paths: ['/nonexistent/a', '/bin/sh/b'] }, 'ENOTDIR', 'execve'],
    ['it may not be executed', { paths: ['/dev/null', '/nonexistent'] }, 'EACCES', 'execve'],
    ['its words are too many', { environment: [`A=${'x'.repeat(1 << 20)}`] }, 'E2BIG', 'execve'],
    ['its directory is missing', { directory: '/nonexistent' }, 'ENOENT', 'chdir'],
    ['its directory is none', { directory: '/dev/null' }, 'ENOTDIR', 'chdir'],
    ['the name of its directory is too long', { directory: 'x'.repeat(5_000) }, 'ENAMETOOLONG', 'chdir'],
  ])('says so when %s, and leaves no child', (_what, options, code, call) => {
    const error = errorOf(() => start({ command: ['sh', '-c', ':'], ...options }));
    expect([error.code, error.syscall]).toEqual([code, call]);
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim();
    for (const pid of children.split(' ').filter(Boolean)) {
      expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).not.toMatch(/\) Z /);
    }
  });

  test('refuses a descriptor that is closed, and takes no other words', () => {
    const [read, write] = nativeBinding().pipe();
    read.close();
    own(write);
    expect(errorOf(() => start({ command: ['sh', '-c', ':'], descriptors: [write, read] })).code).toBe(
      'EBADF',
    );
    const { startProgram } = nativeBinding();
    for (const wrong of [Buffer.from(''), Buffer.from('sh')]) {
      expect(() => startProgram(wrong, words('sh'), words('A=1'), '/', [])).toThrow(
        /"paths".*end with a NUL/,
      );
      expect(() => startProgram(words('sh'), wrong, words('A=1'), '/', [])).toThrow(
        /"words".*end with a NUL/,
      );
      expect(() => startProgram(words('sh'), words('sh'), wrong, '/', [])).toThrow(
        /"environment".*end with a NUL/,
      );
    }
  });

  test('says which call had no descriptor left', async () => {
    const limited = [
      '-c',
      'ulimit -n 60; exec "$@"',
      'sh',
      process.execPath,
      fixturePath('spawn-without-room'),
    ];
    expect(await new Child('sh', limited).result()).toEqual({
      codes: ['EMFILE'],
      syscalls: ['pipe2', 'fcntl'],
    });
  });

  test('does not wait for the program where stdin and stdout are closed', async () => {
    expect(await Child.fixture('closed-stdio').exit()).toEqual({ code: 0, signal: null });
  });

  test('takes no longer in a large process, as fork(2) does', async () => {
    const { addon, node } = (await Child.fixture('fork-stall', ['600']).result()) as Record<string, number>;
    // Where Node does not fork either (18 ms here), it is no slower.
    expect(addon).toBeLessThan(Math.max(node! / 4, 3));
  });
});
