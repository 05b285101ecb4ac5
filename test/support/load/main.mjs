// The load generator's process: options in argv, orders on stdin, reports on stdout (one JSON object a line).
// It starts no other process: a child would hold copies of its sockets and turn answers into resets.
import { Control } from './control.mjs';
import { readOptions } from './options.mjs';
import { Run } from './run.mjs';

const control = new Control();
let options;
try {
  options = readOptions(process.argv[2]);
} catch (error) {
  control.report({ type: 'error', message: error.message });
  control.leave(2);
}

if (options) {
  // A Ctrl-C reaches the whole foreground group; whoever started us decides, by `stop` or by closing stdin.
  process.on('SIGINT', () => {});
  const run = new Run(options, (message) => control.report(message));
  control.onStop = () => run.stop();
  const result = await run.finished();
  control.report({ type: 'result', ...result });
  control.leave(0);
}
