/** The one place where the process ends itself, after what was written has gone out. */

const FLUSH_MILLISECONDS = 1_000;

let surviving = false;

/** A reader of stdout or stderr that has gone away must not end a server. */
export function surviveClosedOutput(): void {
  if (surviving) return;
  surviving = true;
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
}

/** Ends the process with this code when stdout, stderr and the log are flushed, or after a second. */
export async function endProcess(code: number, flushLog: () => Promise<void>): Promise<never> {
  await atMost(Promise.all([flushLog(), flush(process.stdout), flush(process.stderr)]));
  process.exit(code);
}

/** Resolves when what was written to stderr has gone out, or after a second. */
export function flushStderr(): Promise<void> {
  return atMost(flush(process.stderr));
}

async function atMost(flushed: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, FLUSH_MILLISECONDS);
  });
  await Promise.race([flushed.catch(() => undefined), late]);
  clearTimeout(timer);
}

/** Resolves when everything written so far has gone out, or nobody reads it any more. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => stream.write('', () => resolve()));
}
