/** Which addon a server has loaded, and whether it belongs to the package that it lies in. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sourceDigest } from '../../native/source-digest.mjs';
import { type Finding, fail, ok, warn } from './finding.js';
import { read } from './processes.js';

/** One line of /proc/<pid>/maps that names the addon's file. */
const MAPPED =
  / (\/.*?\/)((?:prebuilds\/[^/]+|(?:native\/)?build\/(?:Release|Debug))\/uninterruptible\.node)( \(deleted\))?$/m;

export interface LoadedAddon {
  /** As the server sees it. */
  readonly path: string;
  /** The folder of the package, as the server sees it. */
  readonly package: string;
  readonly kind: 'prebuilt' | 'compiled here';
  /** Of the package that lies there now. */
  readonly version: string | undefined;
  /** Whether the file has been replaced or removed since. */
  readonly isGone: boolean;
  /** Whether the binary was built from the sources beside it; undefined where that cannot be told. */
  readonly fits: boolean | undefined;
}

/** Undefined: it has none, or may not be looked at. */
export function addonOf(pid: number): LoadedAddon | undefined {
  const [, folder = '', place, deleted] = MAPPED.exec(read(`/proc/${pid}/maps`) ?? '') ?? [];
  if (place === undefined) return undefined;
  // It may live in a container, which sees other mounts.
  const root = `/proc/${pid}/root${folder}`;
  const isGone = deleted !== undefined;
  return {
    path: `${folder}${place}`,
    package: folder,
    kind: place.startsWith('prebuilds/') ? 'prebuilt' : 'compiled here',
    version: versionIn(root),
    isGone,
    fits: isGone ? undefined : fits(join(root, place), root),
  };
}

function versionIn(root: string): string | undefined {
  try {
    const { version } = JSON.parse(contentOf(join(root, 'package.json')).toString()) as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

/** Each binary has the digest of its sources in it. Our function tells it, not that of a package which may be anybody's. */
function fits(binary: string, root: string): boolean | undefined {
  try {
    return contentOf(binary).includes(sourceDigest(root));
  } catch {
    return undefined;
  }
}

/** A FIFO would keep whoever looks waiting. */
function contentOf(path: string): Buffer {
  if (!statSync(path).isFile()) throw new Error(`${path} is no file`);
  return readFileSync(path);
}

/** A binary that was compiled once is loaded first, also when the library beside it has become another. */
export function addonCheck(addon: LoadedAddon, pid: number, running: string | undefined): Finding {
  const { path, kind, version, isGone, fits } = addon;
  if (isGone) {
    return warn('addon', `${path} was replaced since pid ${pid} started: a restart takes the new one.`);
  }
  if (fits === false) {
    // It lies in build/Release of where it was compiled.
    const folder = join(path, '../../..');
    const cure =
      kind === 'prebuilt'
        ? 'install the package anew'
        : `remove ${join(folder, 'build')}, or: npx node-gyp rebuild --directory ${JSON.stringify(folder)}`;
    return fail('addon', `${path} (${kind}) was not built from the sources beside it: ${cure}.`);
  }
  if (version !== undefined && running !== undefined && version !== running) {
    return warn(
      'addon',
      `${path} (${kind}) lies in uninterruptible ${version} by now; pid ${pid} runs ${running}: a restart takes the new one.`,
    );
  }
  return ok('addon', `${kind}${version === undefined ? '' : `, of uninterruptible ${version}`}: ${path}`);
}
