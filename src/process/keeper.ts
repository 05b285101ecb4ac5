/** Starts the keeper: in a session of its own and as nobody's child, because what this process becomes knows of no children. */
import type { Descriptor } from '../binding.js';

/** `link` is its descriptor 3. Resolves when it was started; that it came up is seen by what it says over the link. */
export async function startKeeper(file: string, about: readonly string[], link: Descriptor): Promise<void> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  // The shell leaves at once, and whoever takes orphans in has the keeper.
  const words = ['-c', '"$@" &', 'sh', process.execPath, file, ...about];
  const shell = spawn('/bin/sh', words, {
    detached: true,
    // It says nothing on stdout, which is for what it starts: the start command goes on writing where the program did.
    stdio: ['ignore', 'inherit', 'inherit', link.fd],
  });
  await new Promise<void>((resolve, reject) => {
    shell.once('exit', () => resolve());
    shell.once('error', reject);
  });
}
