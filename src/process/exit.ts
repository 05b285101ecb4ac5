/** The one place where the process ends itself, after what was written has gone out. */

const FLUSH_MILLISECONDS = 1_000;

/** A reader of stdout or stderr that has gone away must not end a server. */
export function surviveClosedOutput(): void {
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
}

/** Ends the process with this code when stdout, stderr and the log are flushed, or after a second. */
export async function endProcess(code: number, flushLog: () => Promise<void>): Promise<never> {
  const flushed = Promise.all([flushLog(), flush(process.stdout), flush(process.stderr)]).catch(
    () => undefined,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, FLUSH_MILLISECONDS);
  });
  await Promise.race([flushed, late]);
  clearTimeout(timer);
  process.exit(code);
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => stream.write('', () => resolve()));
}
