/** A real systemd, as a user instance in namespaces of its own, that runs units of a test. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Generations } from './generations.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/systemd.sh', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../examples/systemd', import.meta.url));
/** `Type=notify-reload` came with 253. */
const NOTIFY_RELOAD = 253;

const run = promisify(execFile);

export class Systemd {
  readonly #runtime: string;
  readonly #units: string;
  readonly #group: string;
  readonly #environment: Record<string, string>;

  readonly #generations: Generations;

  /** Its processes are among those of the generations. */
  constructor(generations: Generations) {
    const { directory } = generations;
    this.#generations = generations;
    this.#runtime = join(directory, 'runtime');
    this.#units = join(directory, 'home/.config/systemd/user');
    const hierarchy = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
    if (hierarchy === undefined) throw new Error('no control groups are mounted');
    this.#group = join(hierarchy, `uninterruptible-${basename(directory)}`);
    mkdirSync(this.#group);
    mkdirSync(this.#runtime, { mode: 0o700 });
    mkdirSync(this.#units, { recursive: true });
    this.#environment = { XDG_RUNTIME_DIR: this.#runtime, HOME: join(directory, 'home') };
  }

  async start(): Promise<void> {
    const home = join(this.#generations.directory, 'home');
    this.#generations.launch({ command: ['sh', FIXTURE, this.#group, this.#runtime, home] });
    const socket = join(this.#runtime, 'systemd/private');
    await this.#generations.until(() => existsSync(socket), 'systemd to be there');
  }

  /**
   * Installs a unit of examples/systemd as it stands there, but for what belongs to a machine: lines are replaced by those
   * that begin with the same words, an empty one removes them.
   */
  async install(name: string, replacements: Readonly<Record<string, string>>): Promise<void> {
    const lines = readFileSync(join(EXAMPLES, name), 'utf8').split('\n');
    for (const start of Object.keys(replacements)) {
      if (!lines.some((line) => line.startsWith(start))) throw new Error(`${name} has no line ${start}…`);
    }
    const unit = lines.map((line) => {
      const start = Object.keys(replacements).find((each) => line.startsWith(each));
      return start === undefined ? line : (replacements[start] ?? '');
    });
    writeFileSync(join(this.#units, name), unit.join('\n'));
    await this.control('daemon-reload');
  }

  /** What `systemctl` prints. Rejects if it fails. */
  async control(...words: string[]): Promise<string> {
    // From inside: in another pid namespace the caller would have no pid.
    const [first] = readFileSync(join(this.#group, 'init.scope/cgroup.procs'), 'utf8').split('\n');
    const enter = ['--target', first ?? '', '--pid', '--mount', 'systemctl', '--user'];
    const { stdout } = await run('nsenter', [...enter, ...words], {
      env: { ...process.env, ...this.#environment },
      timeout: 60_000,
    });
    return stdout.trim();
  }

  /** Properties of a unit. */
  async show(unit: string): Promise<Record<string, string>> {
    const lines = (await this.control('show', unit)).split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  /** To be called when the generations have ended. */
  async end(): Promise<void> {
    const isEmpty = (): boolean =>
      readFileSync(join(this.#group, 'cgroup.events'), 'utf8').includes('populated 0');
    await this.#generations.until(isEmpty, 'everything in the control group to end');
    removeGroup(this.#group);
  }

  /** Whether a reload can be a signal and an answer, or must be a command. */
  static async hasNotifyReload(): Promise<boolean> {
    const { stdout } = await run('systemctl', ['--version']);
    return Number(/\d+/.exec(stdout)?.[0]) >= NOTIFY_RELOAD;
  }
}

function removeGroup(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(group, entry.name));
  }
  rmdirSync(group);
}
