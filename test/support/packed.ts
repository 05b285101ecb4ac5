/**
 * The package as a stranger gets it: packed by npm, and installed by npm into a folder that holds nothing else. The
 * dependencies come from npm's cache where `npm ci` has left them, otherwise from the registry: what npm itself makes
 * of the tarball (which dependencies, which scripts, which files) is what is tested, so nothing is linked by hand but
 * the tools a test brings along.
 */
import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const NPM_MILLISECONDS = 90_000;
/** All that installing and serving may need. */
const BARE_COMMANDS = ['node', 'npm', 'npx', 'sh'];

/** This project's own folder. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

export class Installation {
  /** The folder the package is installed in; removed at the end. */
  readonly directory: string;
  /** The bytes of the tarball. */
  readonly packedSize: number;
  /** What npm printed, as it was installed and as it was installed again from the lockfile. */
  readonly messages: string;
  /** The PATH it was installed with: no compiler, no Python, no make. */
  readonly barePath: string;

  private constructor(directory: string, packedSize: number, messages: string, barePath: string) {
    this.directory = directory;
    this.packedSize = packedSize;
    this.messages = messages;
    this.barePath = barePath;
  }

  static async create(): Promise<Installation> {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'installed-')));
    const tarballs = join(directory, 'tarballs');
    mkdirSync(tarballs);
    // Without a package.json npm would look for one in the folders above.
    writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
    try {
      await npm(ROOT, environmentOfNode(), 'pack', '--pack-destination', tarballs);
      const [name = ''] = readdirSync(tarballs);
      const tarball = join(tarballs, name);
      const packedSize = statSync(tarball).size;
      const barePath = join(directory, 'bare');
      mkdirSync(barePath);
      for (const name of BARE_COMMANDS) symlinkSync(whereIs(name), join(barePath, name));
      const words = ['--prefer-offline', '--no-audit', '--no-fund'];
      const bare = { PATH: barePath };
      const first = await npm(directory, bare, 'install', ...words, tarball);
      // As each deploy does it: from the lockfile, which keeps less of a package than its package.json says.
      const messages = first + (await npm(directory, bare, 'ci', ...words));
      rmSync(tarballs, { recursive: true });
      return new Installation(directory, packedSize, messages, barePath);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** Every file of the installed package, relative to it, sorted. */
  files(): string[] {
    const top = this.path('node_modules', 'uninterruptible');
    return readdirSync(top, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1))
      .sort();
  }

  /** Brings a package of this project along, with its command if it has one of its own name. */
  bring(name: string): void {
    mkdirSync(this.path('node_modules', '.bin'), { recursive: true });
    mkdirSync(dirname(this.path('node_modules', name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), this.path('node_modules', name));
    const command = join(ROOT, 'node_modules', '.bin', name);
    if (statSync(command, { throwIfNoEntry: false })) {
      symlinkSync(command, this.path('node_modules', '.bin', name));
    }
  }

  /** Compiles as a stranger would, with every strictness. Rejects with what the compiler says. */
  async compile(files: readonly string[], compilerOptions: Record<string, unknown>): Promise<void> {
    const config = this.path('tsconfig.json');
    writeFileSync(
      config,
      JSON.stringify({
        compilerOptions: {
          target: 'es2023',
          lib: ['es2023'],
          types: ['node'],
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          noImplicitOverride: true,
          noPropertyAccessFromIndexSignature: true,
          noUnusedLocals: true,
          noUnusedParameters: true,
          skipLibCheck: true,
          ...compilerOptions,
        },
        files,
      }),
    );
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    try {
      await execute(process.execPath, [compiler, '-p', config], { cwd: this.directory });
    } catch (error) {
      throw new Error((error as { stdout?: string }).stdout, { cause: error });
    }
  }

  /**
   * Runs a command that builds the addon, with the headers that came with this Node where they did. Rejects with what it
   * printed.
   */
  async build(command: string, environment: Record<string, string> = environmentOfNode()): Promise<void> {
    const prefix = join(dirname(process.execPath), '..');
    const hasHeaders = statSync(join(prefix, 'include', 'node', 'node_api.h'), { throwIfNoEntry: false });
    await execute('sh', ['-c', command], {
      cwd: this.directory,
      env: {
        ...process.env,
        ...environment,
        ...(hasHeaders && { npm_config_nodedir: prefix }),
      },
    });
  }

  end(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The environment in which `node` is the one that runs this. */
export function environmentOfNode(): Record<string, string> {
  return { PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };
}

function whereIs(name: string): string {
  const directories = environmentOfNode()['PATH']?.split(delimiter) ?? [];
  const found = directories.map((directory) => join(directory, name)).find(isExecutable);
  if (found === undefined) throw new Error(`${name} is not in PATH`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function npm(cwd: string, environment: Record<string, string>, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await execute('npm', args, {
    cwd,
    env: { ...process.env, ...environment },
    timeout: NPM_MILLISECONDS,
  });
  return stdout + stderr;
}
