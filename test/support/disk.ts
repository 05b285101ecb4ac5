/** A small disk of its own for a server and its successors: it can be full, or read-only. Nobody else sees it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Generations } from './generations.js';
import { OWN_MOUNTS } from './requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

/** Mounts it, fills it if that is wanted, and tells at the end what is left there. */
const SCRIPT = `mount -t tmpfs -o "$1" none "$0" || exit 99
  test "$2" = full && cat /dev/zero > "$0/ballast" 2> /dev/null
  shift 2; "$@"; code=$?
  echo left: $(ls -A "$0"); exit $code`;

export class Disk {
  readonly path: string;
  readonly #generations: Generations;

  constructor(generations: Generations) {
    this.#generations = generations;
    this.path = join(generations.directory, 'disk');
    mkdirSync(this.path);
  }

  /** To be launched: the current version, on a disk with these options of tmpfs(5). */
  command(options = 'size=64k', state: 'full' | 'empty' = 'empty'): [string, ...string[]] {
    const { optionsPath } = this.#generations;
    return [
      ...OWN_MOUNTS,
      'sh',
      '-c',
      SCRIPT,
      this.path,
      options,
      state,
      process.execPath,
      FIXTURE,
      optionsPath,
    ];
  }

  /** What is on it when the first process has left. */
  async left(): Promise<string[]> {
    let line: string | undefined;
    await this.#generations.until(() => {
      line = this.#generations.stray.find((text) => text.startsWith('left:'));
      return line !== undefined;
    }, 'the end of the first process');
    return line?.split(' ').slice(1).filter(Boolean) ?? [];
  }

  /** What is on it now. */
  files(): Promise<string[]> {
    return this.#evaluate(`fs.readdirSync(disk)`);
  }

  read(name: string): Promise<string> {
    return this.#evaluate(`fs.readFileSync(disk + '/${name}', 'utf8')`);
  }

  async fill(): Promise<void> {
    const filled = `(() => { try { fs.writeFileSync(disk + '/ballast', Buffer.alloc(1 << 20)) } catch { return true } })()`;
    await this.#evaluate(filled);
  }

  async empty(): Promise<void> {
    await this.#evaluate(`fs.rmSync(disk + '/ballast')`);
  }

  async remount(options: 'ro' | 'rw'): Promise<void> {
    const mount = `['-o', 'remount,${options}', disk]`;
    await this.#evaluate(`String(require('child_process').execFileSync('mount', ${mount}))`);
  }

  /** In the process that serves. */
  #evaluate<T>(code: string): Promise<T> {
    return this.#generations.evaluate(`((fs, disk) => ${code})(require('fs'), ${JSON.stringify(this.path)})`);
  }
}
