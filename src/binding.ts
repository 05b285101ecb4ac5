/**
 * The native addon: how it is found, and what it can do. The only file that knows node-gyp-build.
 * The addon makes system calls on descriptors and nothing else; every decision is made in TypeScript.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a socket is, read from the kernel. */
export interface SocketFacts {
  family: 'inet' | 'inet6' | 'unix' | 'other';
  type: 'stream' | 'seqpacket' | 'datagram' | 'other';
  /** SO_ACCEPTCONN: listen(2) was called on it; and it was not shut down since, which a UNIX listener does not say there. */
  listening: boolean;
  /** An IP address, a path, `@name` of an abstract socket, or '' of an unnamed one. */
  address: string;
  /** 0 for UNIX sockets. */
  port: number;
}

/** Device and inode of an open file. Strings, because inodes need 64 bits. */
export interface FileIdentity {
  device: string;
  inode: string;
}

/** SO_PEERCRED: who the peer was when it connected. The pid is 0 across pid namespaces. */
export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
}

/** A file descriptor with one owner: this object. Closed when it is garbage collected or the environment ends. */
export interface Descriptor {
  /** The number, or -1 once closed or released. A borrower must not keep it. */
  readonly fd: number;
  /** Idempotent. */
  close(): void;
  /** Gives the number away: whoever gets it closes it. */
  release(): number;
  /** A close-on-exec duplicate (F_DUPFD_CLOEXEC). */
  duplicate(): Descriptor;
  inspect(): SocketFacts;
  identity(): FileIdentity;
  listen(backlog: number): void;
  /** One queued connection (non-blocking, close-on-exec), or null when none is left. */
  accept(): Descriptor | null;
  /** shutdown(2), both directions; on a listener it ends listening for every duplicate. */
  shutdown(): void;
  peerCredentials(): PeerCredentials;
  /** An OFD write lock on one byte; false when another open file description holds it. */
  tryLock(byte: number): boolean;
  unlock(byte: number): void;
  /** TCP_NODELAY and keep-alive, which accepted sockets inherit, on a listener that somebody else made. */
  tuneTcp(): void;
  /** dup3(2) over an existing number, close-on-exec: for stderr. */
  replace(target: number): void;
  /** O_NONBLOCK, which all share who have a duplicate. */
  isNonBlocking(): boolean;
  setNonBlocking(on: boolean): void;
}

/** One packet as recvmsg(2) returned it. */
export interface Packet {
  kind: 'packet';
  data: Uint8Array;
  descriptors: Descriptor[];
  /** MSG_TRUNC: the packet was longer than what was asked for. */
  dataTruncated: boolean;
  /** MSG_CTRUNC: descriptors were lost; this process is out of them, or the peer sent too many. */
  descriptorsTruncated: boolean;
  /** SCM_CREDENTIALS: who sent it; only on a socket of `bindDatagram`. */
  sender?: PeerCredentials;
}

/** What came of looking for a child that has ended. */
type ReapResult =
  /** `signal` is the number of the one that ended it, or 0. */
  | { kind: 'reaped'; pid: number; exitCode: number; signal: number }
  /** None has ended; there is none at all; the next one is that of libuv, ask again when it has been waited for. */
  | { kind: 'none' | 'no-child' | 'owned' };

/** A SEQPACKET or datagram socket, or a process (`openProcess`), watched by the environment's event loop (uv_poll). */
export interface ControlSocket {
  readonly fd: number;
  /** What to watch; neither = idle. Called back until the cause is gone (level triggered). */
  watch(readable: boolean, writable: boolean): void;
  /** Whether it keeps the event loop alive. Starts unreferenced. */
  ref(): void;
  unref(): void;
  /** false: the socket's queue is full (EAGAIN); nothing was sent. Throws EPIPE, ECONNRESET, ETOOMANYREFS, … */
  send(data: Uint8Array, descriptors: readonly Descriptor[]): boolean;
  /** null: nothing there (EAGAIN). `end`: the peer closed. `empty`: an empty packet, which nobody may send. Throws ECONNRESET, … */
  receive(maxBytes: number): Packet | { kind: 'end' } | { kind: 'empty' } | null;
  /** On a listening socket. */
  accept(): Descriptor | null;
  peerCredentials(): PeerCredentials;
  /** Idempotent; stops watching at once, closes the descriptor in the right order for libuv. */
  close(): void;
}

/** The addon's exports. Errors carry `code`, `errno` and `syscall` as Node's own do. */
export interface Binding {
  /** SHA-256 over the sources in `native/` the binary was built from. */
  readonly sourceDigest: string;
  /** Bound and listening. SO_REUSEADDR, TCP_NODELAY and SO_KEEPALIVE are set on the listener: accepted sockets inherit them. */
  listenTcp(address: string, port: number, options: { backlog: number; ipv6Only: boolean }): Descriptor;
  /** A path, or `@name` for the abstract namespace. Never unlinks anything. Never wider than `mode` at any instant. */
  listenUnix(
    path: string,
    options: { type: 'stream' | 'seqpacket'; backlog: number; mode: number | null },
  ): Descriptor;
  /** Non-blocking; throws ECONNREFUSED, ENOENT, EAGAIN (queue full), EACCES, EPROTOTYPE, … */
  connectUnix(path: string, type: 'stream' | 'seqpacket'): Descriptor;
  socketPair(type: 'stream' | 'seqpacket'): [Descriptor, Descriptor];
  /** [read end, write end] */
  pipe(): [Descriptor, Descriptor];
  /** open(2) with O_RDWR | O_CREAT | O_NOFOLLOW, mode 0600: for lock files. */
  openLockFile(path: string): Descriptor;
  /** An anonymous file (memfd) that other processes can open through /proc/self/fd: a lock where no directory is usable. */
  anonymousFile(name: string): Descriptor;
  /** Takes a number this process inherited into ownership and sets close-on-exec. */
  adopt(fd: number): Descriptor;
  /** Takes the descriptor over: it reads -1 afterwards. */
  ControlSocket: new (
    descriptor: Descriptor,
    onEvents: (readable: boolean, writable: boolean) => void,
  ) => ControlSocket;
  /** Unblocks a signal that Node was told to ignore (`--disable-sigusr1` leaves it blocked). */
  unblockSignal(signal: number): void;
  /** A datagram socket at a path, mode 0600 from its first instant; each packet received there has its `sender`. */
  bindDatagram(path: string): Descriptor;
  /** To a path or `@name`. Never waits; throws EAGAIN (queue full), ECONNREFUSED, ENOENT, … */
  sendDatagram(path: string, data: Uint8Array): void;
  /** PR_SET_CHILD_SUBREAPER: orphaned descendants become children of this process. */
  becomeSubreaper(): void;
  /** Waits for one child that has ended, unless it is `owned` (0: none), for which libuv waits. Never blocks. */
  reapChild(owned: number): ReapResult;
  /** The same for that child, if it has ended. `no-child`: it is none of ours, or somebody else has waited for it. */
  waitForChild(pid: number): ReapResult;
  /** Readable when that process has ended (pidfd_open(2)). */
  openProcess(pid: number): Descriptor;
  /** No child gets what is open from this number on, unless it is passed to it. */
  closeOnExecFrom(first: number): void;
  /**
   * execve(2) in this process: of its descriptors the program gets 0 to 2, and these from 3 on. Each of `words` ends with a
   * NUL. Throws if it could not even begin; what fails later ends the process with 126.
   */
  executeProgram(path: string, words: Uint8Array, descriptors: readonly Descriptor[]): never;
  /**
   * vfork(2) and execve(2): a child in a session of its own, with 0 and 1 of this process and these descriptors from 2 on; the
   * first of `paths` that can be executed. All words end with a NUL each. It returns when the program is executed, with its pid,
   * and takes no longer the larger this process is. Whoever calls it waits for the child. Throws what chdir(2) or execve(2) say.
   */
  startProgram(
    paths: Uint8Array,
    words: Uint8Array,
    environment: Uint8Array,
    directory: string,
    descriptors: readonly Descriptor[],
  ): number;
}

/** The addon, or why there is none. */
export type BindingResult = { binding: Binding } | { unavailable: string; cause?: unknown };

let loaded: BindingResult | undefined;

/** Loads the addon once. Never throws: a platform without it still serves, it only cannot hand over. */
export function loadBinding(): BindingResult {
  loaded ??= load();
  return loaded;
}

function load(): BindingResult {
  if (process.platform !== 'linux') {
    return { unavailable: `hand-overs need Linux; this is ${process.platform}` };
  }
  const packageRoot = fileURLToPath(new URL('..', import.meta.url));
  // In the package binding.gyp is there: in its root, npm would run it.
  const sources = join(packageRoot, 'native');
  const prebuilt = join(packageRoot, 'prebuilds', `linux-${process.arch}`, 'uninterruptible.node');
  try {
    // As node-gyp-build decides where nothing was compiled; to load that to find it out costs each generation 5 ms, and
    // require() for the addon itself another one.
    const compiled = [packageRoot, sources].find(isCompiledIn);
    if (compiled === undefined && existsSync(prebuilt)) {
      const addon: { exports: unknown } = { exports: {} };
      process.dlopen(addon, prebuilt);
      return { binding: addon.exports as Binding };
    }
    const require = createRequire(import.meta.url);
    const nodeGypBuild = require('node-gyp-build') as (directory: string) => Binding;
    return { binding: nodeGypBuild(compiled ?? packageRoot) };
  } catch (cause) {
    return {
      unavailable:
        `no addon for ${process.platform}-${process.arch} could be loaded; ` +
        `where there are python3, make and a C++ compiler, build it with: npx node-gyp rebuild --directory ${JSON.stringify(sources)}`,
      cause,
    };
  }
}

function isCompiledIn(directory: string): boolean {
  return ['Release', 'Debug'].some((name) => existsSync(join(directory, 'build', name)));
}
