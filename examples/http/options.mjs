// What all these examples have in common. `PORT`, `CONTROL_PATH`, `PID_FILE`, … are read from the environment.
import { basename, dirname } from 'node:path';

/** The options of the example that was started. */
export const options = {
  bindAddress: '127.0.0.1',
  ...(process.env.PORT ? {} : { bindPort: 6790 }),
  startCommand: [process.execPath, basename(process.argv[1])],
  workingDirectory: dirname(process.argv[1]),
  drainTimeout: 60_000,
};
