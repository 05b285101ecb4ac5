// The line to whoever started this process: `stop` comes in, reports go out, and a closed stdin ends it at once.
import { createInterface } from 'node:readline';

export class Control {
  onStop = () => {};

  constructor() {
    const lines = createInterface({ input: process.stdin });
    lines.on('line', (line) => {
      if (line.trim() === 'stop') this.onStop();
    });
    lines.on('close', () => process.exit(1));
    process.stdout.on('error', () => process.exit(1));
  }

  report(message) {
    process.stdout.write(`${JSON.stringify(message)}\n`);
  }

  /** Ends the process when everything reported has been written. */
  leave(exitCode) {
    process.stdout.write('', () => process.exit(exitCode));
  }
}
