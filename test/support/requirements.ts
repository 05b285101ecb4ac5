/**
 * What a test needs from the machine. A test whose requirement is unmet is not run, and the reporter says why;
 * with REQUIRE_ALL=1 (as in CI) each unmet requirement is a failing test of the file that asked for it.
 *
 *     test('a program in Python takes over', requirement('python3'), async () => { … });
 *     describe('client certificates', { ...requirement('openssl', 'addon'), timeout: 30_000 }, () => { … });
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'vitest';
import { loadBinding } from '../../src/binding.js';
import { arm64CannotRun } from './arm64.js';

declare module 'vitest' {
  interface TaskMeta {
    /** Why the machine cannot run this test; read by the reporter. */
    unmet?: string;
  }
}

/** Options for `test` and `describe`, to be spread or passed as they are. */
export interface Requirement {
  readonly met: boolean;
  readonly skip: boolean;
  readonly meta: { unmet?: string };
}

/** Enough for ten thousand connections in one process. */
const MANY_DESCRIPTORS = 11_000;

/** A command with mounts of its own, which nobody else sees and which end with it. */
export const OWN_MOUNTS: [string, ...string[]] =
  process.getuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '--user', '--map-root-user', '--mount'];

/** Each answers with the reason why it is unmet, or undefined. Asked at most once per test file. */
const checks = {
  addon: () => {
    const result = loadBinding();
    return 'unavailable' in result ? result.unavailable : undefined;
  },
  arm64: () => arm64CannotRun(),
  bash: () => missingCommand('bash'),
  compiler: () => missingCommand('make') ?? missingCommand('g++'),
  curl: () => missingCommand('curl'),
  // Node raises its soft limit to the hard one by itself.
  descriptors: () => {
    const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '';
    const hard = /^Max open files +\S+ +(\S+)/m.exec(limits)?.[1] ?? 'unknown';
    return hard === 'unlimited' || Number(hard) >= MANY_DESCRIPTORS
      ? undefined
      : `needs ${MANY_DESCRIPTORS} descriptors; the hard limit here is ${hard}`;
  },
  git: () => missingCommand('git'),
  ipv6: () =>
    Object.values(networkInterfaces()).some((addresses) =>
      addresses?.some(({ address }) => address === '::1'),
    )
      ? undefined
      : 'this machine has no ::1',
  linux: () => (process.platform === 'linux' ? undefined : `needs Linux; this is ${process.platform}`),
  namespaces: () =>
    missingCommand('unshare') ?? failing('unshare', '--user', '--map-root-user', '--pid', '--fork', 'true'),
  mounts: () => missingCommand('unshare') ?? failing(...OWN_MOUNTS, 'mount', '-t', 'tmpfs', 'none', '/tmp'),
  'musl-gcc': () => missingCommand('musl-gcc'),
  npm: () => missingCommand('npm'),
  logrotate: () => missingCommand('logrotate'),
  openssl: () => missingCommand('openssl'),
  proc: () => (existsSync('/proc/self/fd') ? undefined : '/proc is not mounted'),
  python3: () => missingCommand('python3'),
  readelf: () => missingCommand('readelf'),
  systemctl: () => missingCommand('systemctl'),
  systemd: () => systemdCannotRun(),
  'systemd-socket-activate': () => missingCommand('systemd-socket-activate'),
  x64: () => (process.arch === 'x64' ? undefined : `needs x64; this is ${process.arch}`),
  root: () => (process.getuid?.() === 0 ? undefined : 'needs root'),
} satisfies Record<string, () => string | undefined>;

export type RequirementName = keyof typeof checks;

/** Few containers may mount, and make control groups: REQUIRE_ALL does not ask for that, and the reporter says what was not run. */
const NOT_DEMANDED: ReadonlySet<RequirementName> = new Set(['systemd']);

const answers = new Map<RequirementName, string | undefined>();

/** To be called while a file is collected (at its top level or in `describe`), never inside a test. */
export function requirement(...names: [RequirementName, ...RequirementName[]]): Requirement {
  const reasons = names.map(unmet).filter((reason) => reason !== undefined);
  if (reasons.length === 0) return { met: true, skip: false, meta: {} };
  return { met: false, skip: true, meta: { unmet: reasons.join('; ') } };
}

function unmet(name: RequirementName): string | undefined {
  if (answers.has(name)) return answers.get(name);
  const reason = checks[name]();
  answers.set(name, reason);
  if (reason !== undefined && process.env['REQUIRE_ALL'] === '1' && !NOT_DEMANDED.has(name)) {
    test(`REQUIRE_ALL: this machine has ${name}`, () => {
      throw new Error(reason);
    });
  }
  return reason;
}

/** As test/fixtures/systemd.sh does it. */
function systemdCannotRun(): string | undefined {
  const script = `group="$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/uninterruptible-check-$$"
    mkdir "$group" || exit
    trap 'rmdir "$group"' EXIT
    test -w "$group/cgroup.procs" && test -x /lib/systemd/systemd &&
    unshare --mount --pid --cgroup --fork sh -c 'mount -t proc proc /proc && mount -t cgroup2 cgroup2 /sys/fs/cgroup'`;
  const { status } = spawnSync('sh', ['-c', script], { stdio: 'ignore', timeout: 10_000 });
  return status === 0 ? undefined : 'systemd cannot run here (it needs root, mounts and control groups)';
}

function missingCommand(command: string): string | undefined {
  const found = (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return found ? undefined : `${command} is not installed`;
}

function failing(command: string, ...args: readonly string[]): string | undefined {
  const { status } = spawnSync(command, args, { stdio: 'ignore', timeout: 10_000 });
  return status === 0 ? undefined : `\`${[command, ...args].join(' ')}\` does not work here`;
}
