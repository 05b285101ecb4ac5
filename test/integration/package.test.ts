/** The packed tarball, installed in an empty folder: what is in it, and that a program of every kind runs from it. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { environmentOfNode, Installation, ROOT } from '../support/packed.js';
import { programs } from '../support/programs.js';
import { requirement } from '../support/requirements.js';

/** `dist/index.js` only passes on what is in the second. */
const BUNDLES = ['dist/http.js', 'dist/keeper.js', 'dist/shared.js'];

/** What is wrong on purpose would pass if the types were not found, and everything `any`. */
const BOTH_ENTRIES = `import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server, type ServerOptions } from 'uninterruptible';
import { HttpServer, type HttpServerOptions, serve } from 'uninterruptible/http';

const options: HttpServerOptions = { bind: 'tcp://127.0.0.1:0', readiness: '/ready' };
// @ts-expect-error: an option of HttpServer
export const none: ServerOptions = { readiness: '/ready' };

export class Shop extends HttpServer {
  protected override handleHttpRequest(request: IncomingMessage, response: ServerResponse): void {
    response.end(request.url);
  }
}

export const server: Server = new Shop(options);
export const served: Promise<HttpServer> = serve((_, response) => response.end(), options);
// @ts-expect-error: no application
export const wrong = serve('application');
`;

describe('the packed tarball', requirement('npm'), () => {
  let installation: Installation;
  let generations: Generations | undefined;

  beforeAll(async () => {
    installation = await Installation.create();
    for (const name of ['@types/node', 'node-gyp', 'tsx']) installation.bring(name);
  });
  afterEach(async () => {
    await generations?.end();
    generations = undefined;
  });
  afterAll(() => installation.end());

  test('holds exactly what is needed', () => {
    const declarations = sources('src')
      .filter((file) => !/^src\/(cli|exec|keeper)\//.test(file))
      .map((file) => file.replace(/^src\/(.*)\.ts$/, 'dist/$1.d.ts'));
    const expected = [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'],
      ...[
        'dist/cli.js',
        'dist/command.js',
        'dist/index.js',
        'dist/licenses.txt',
        'dist/pino.js',
        ...BUNDLES.flatMap((bundle) => [bundle, `${bundle}.map`]),
        ...declarations,
      ],
      ...sources('native'),
      ...sources('prebuilds'),
      ...sources('docs').filter((file) => /\.(md|svg)$/.test(file)),
      ...sources('examples').filter((file) => /\.py$|^examples\/(http|systemd)\//.test(file)),
    ];
    expect(installation.files()).toEqual(expected.sort());
    console.info(`the tarball has ${installation.packedSize} bytes, ${expected.length} files`);
    expect(installation.packedSize).toBeLessThan(740_000);
  });

  test('is installed without a script', () => {
    const { scripts, gypfile } = JSON.parse(inPackage('package.json')) as {
      scripts: Record<string, string>;
      gypfile: boolean;
    };
    expect(Object.keys(scripts)).not.toEqual(expect.arrayContaining([expect.stringMatching(/install$/)]));
    // npm would compile the addon by itself if there were a binding.gyp, from a lockfile whatever this says.
    expect(gypfile).toBe(false);
    expect(installation.files()).not.toContain('binding.gyp');
    expect(installation.files().filter((file) => /(^|\/)build\//.test(file))).toEqual([]);
    expect(installation.messages).not.toMatch(/install-scripts|deprecated|gyp/);
  });

  test('is installed, serves and restarts where nothing can be compiled', requirement('addon'), async () => {
    const environment = { PATH: installation.barePath };
    const builders = ['cc', 'c++', 'gcc', 'g++', 'clang', 'make', 'python', 'python3'];
    const found = spawnSync('sh', ['-c', `command -v ${builders.join(' ')}`], { env: environment });
    expect(String(found.stdout)).toBe('');
    const { text, source, startCommand } = programs.find(({ source }) => source === 'plain.mjs')!;
    writeFileSync(installation.path(source), text);
    generations = new Generations();
    await serveTwice(generations, startCommand, installation.directory, environment);
  });

  test('its source map holds the sources, and nothing refers to a map that is missing', () => {
    for (const bundle of BUNDLES) {
      const map = JSON.parse(inPackage(`${bundle}.map`)) as { sources: string[]; sourcesContent: string[] };
      expect(map.sourcesContent).toHaveLength(map.sources.length);
      expect(map.sourcesContent).not.toContain(null);
    }
    const referring = installation
      .files()
      .filter((file) => file.startsWith('dist/') && /^\/\/# sourceMappingURL=/m.test(inPackage(file)));
    expect(referring).toEqual(BUNDLES);
  });

  test('every relative link of its pages leads to a file in it', () => {
    const files = new Set(installation.files());
    const broken = [...files]
      .filter((file) => file.endsWith('.md'))
      .flatMap((page) =>
        [...inPackage(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => ({
          page,
          target: join(dirname(page), target),
        })),
      )
      .filter(({ target }) => !files.has(target));
    expect(broken).toEqual([]);
  });

  test.each(programs.map((program) => [program.title, program] as const))(
    'runs and restarts: %s',
    requirement('addon'),
    async (_title, { source, text, startCommand, compilerOptions }) => {
      writeFileSync(installation.path(source), text);
      if (compilerOptions !== undefined) await installation.compile([source], compilerOptions);
      generations = new Generations();
      await serveTwice(generations, startCommand, installation.directory);
    },
  );

  test.each(['node16', 'nodenext', 'bundler'])(
    'its types are found with moduleResolution %s',
    async (mode) => {
      const source = `types-${mode}.mts`;
      writeFileSync(installation.path(source), BOTH_ENTRIES);
      const module = mode === 'bundler' ? 'esnext' : mode;
      await installation.compile([source], { module, moduleResolution: mode, noEmit: true });
    },
  );

  test(
    'the release a server was started from may be gone when it restarts',
    requirement('addon'),
    async () => {
      const { text, source, startCommand } = programs.find(({ source }) => source === 'plain.mjs')!;
      for (const release of ['1', '2']) {
        const directory = installation.path('releases', release);
        mkdirSync(directory, { recursive: true });
        cpSync(installation.path('node_modules'), join(directory, 'node_modules'), { recursive: true });
        writeFileSync(join(directory, source), text.replace('${line}', `\${line} of release ${release}`));
      }
      const current = installation.path('releases', 'current');
      symlinkSync('1', current);
      generations = new Generations();
      generations.launch({
        command: ['sh', '-c', `cd ${current} && exec ${startCommand}`],
        environment: environmentOfNode(),
      });
      await generations.line('serving');
      expect(await generations.request('hello')).toBe('hello of release 1 1');

      symlinkSync('2', `${current}.new`);
      renameSync(`${current}.new`, current);
      rmSync(installation.path('releases', '1'), { recursive: true });
      await generations.restart();
      expect(await generations.request('hello')).toBe('hello of release 2 2');
      await stop(generations);
    },
  );

  test('where no binary fits it serves, and the command it logs builds one that restarts', {
    ...requirement('compiler', 'linux', 'python3'),
    timeout: 180_000,
  }, async () => {
    const { text, source, startCommand } = programs.find(({ source }) => source === 'plain.mjs')!;
    const cwd = installation.path('unfit');
    mkdirSync(cwd);
    cpSync(installation.path('node_modules'), join(cwd, 'node_modules'), { recursive: true });
    rmSync(join(cwd, 'node_modules', 'uninterruptible', 'prebuilds'), { recursive: true });
    writeFileSync(join(cwd, source), text);
    generations = new Generations();
    generations.launch({ command: ['node', source], environment: environmentOfNode(), cwd });
    await generations.line('serving');
    expect(await generations.request('hello')).toBe('hello 1');
    process.kill(generations.owner, 'SIGUSR1');
    const { err } = await generations.line('hand-over failed, serving on');
    expect(err?.code).toBe('UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE');
    const command =
      /where there are python3, make and a C\+\+ compiler, build it with: (npx node-gyp .*)\.$/.exec(
        err?.message ?? '',
      )?.[1];
    expect(generations.lines.filter(({ msg }) => msg.endsWith(`${command}`))).toHaveLength(1);
    await stop(generations);
    await generations.end();

    // Where there are none it says what is missing, and nothing is left that could be loaded.
    const bare = { PATH: installation.barePath };
    await expect(installation.build(`${command}`, bare)).rejects.toThrow(/Could not find any Python/);

    await installation.build(`${command}`);
    generations = new Generations();
    // Else what was compiled is not looked for.
    await serveTwice(generations, startCommand, cwd, { ...environmentOfNode(), PREBUILDS_ONLY: '' });
  });

  function inPackage(file: string): string {
    return readFileSync(installation.path('node_modules', 'uninterruptible', file), 'utf8');
  }
});

/** Starts it, asks, restarts it by signal, asks again, and stops it by signal. */
async function serveTwice(
  generations: Generations,
  startCommand: string,
  cwd: string,
  environment = environmentOfNode(),
): Promise<void> {
  const [file = '', ...args] = startCommand.split(' ');
  generations.launch({ command: [file, ...args], environment, cwd });
  await generations.line('serving');
  expect(await generations.request('hello')).toBe('hello 1');
  await generations.restart();
  expect(await generations.request('hello')).toBe('hello 2');
  await stop(generations);
}

async function stop(generations: Generations): Promise<void> {
  process.kill(generations.owner, 'SIGTERM');
  await generations.until(() => generations.alive().length === 0, 'all to leave');
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));
}
