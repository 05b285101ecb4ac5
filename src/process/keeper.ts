/** Starts the keeper: in a session of its own and as nobody's child, because what this process becomes knows of no children. */
import type { Readable } from 'node:stream';
import { type Descriptor, loadBinding } from '../binding.js';
import { currentEnvironment, readSupervisor } from './environment.js';
import { ServiceManager } from './service-manager.js';

/** How long a supervisor that does not read is waited for, in ms. */
const PATIENCE = 5_000;

/** What `supervise` reads beside the assignments of sd_notify(3): the pid of the sender's keeper. */
export const KEEPER = 'X_UNINTERRUPTIBLE_KEEPER';

/** `link` is its descriptor 3. Resolves when it was started; that it came up is seen by what it says over the link. */
export async function startKeeper(file: string, about: readonly string[], link: Descriptor): Promise<void> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  // The shell leaves at once, and whoever takes orphans in has the keeper.
  const words = ['-c', '"$@" 4>&- & echo $! >&4', 'sh', process.execPath, file, ...about];
  const shell = spawn('/bin/sh', words, {
    detached: true,
    // It says nothing on stdout, which is for what it starts: the start command goes on writing where the program did.
    stdio: ['ignore', 'inherit', 'inherit', link.fd, 'pipe'],
  });
  let pid = '';
  (shell.stdio[4] as Readable | null)?.on('data', (text) => {
    pid += String(text);
  });
  await new Promise<void>((resolve, reject) => {
    // With it, the shell has ended.
    shell.once('close', () => resolve());
    shell.once('error', reject);
  });
  await nameKeeper(Number(pid));
}

/** Only this process can say it, and only as long as it is no other program yet: `supervise` believes nobody else. */
async function nameKeeper(pid: number): Promise<void> {
  const loaded = loadBinding();
  const supervisor = readSupervisor(currentEnvironment());
  if (!(pid > 1) || supervisor === undefined || !('binding' in loaded)) return;
  // What goes wrong between a service and whoever supervises it is told by the keeper.
  const manager = new ServiceManager(loaded.binding, supervisor.socket, () => undefined);
  manager.tell({ [KEEPER]: pid });
  await manager.told(PATIENCE);
}
