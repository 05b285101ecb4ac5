// Restarts a server again and again while thousands of connections a second are made to it, and shows that none is lost.
//
//   npm run demo [-- --rate 2000 --restarts 5]
//
// Ends with 0 only if nothing was lost, no long-lived connection was cut, every restart worked and the rate was reached.
import { readArguments } from './arguments.mjs';
import { firstSignal } from './interruption.mjs';
import { report } from './report.mjs';
import { play } from './scenario.mjs';
import { Screen } from './screen.mjs';
import { Stage } from './stage.mjs';

const screen = new Screen(process.stdout);
const { rate, restarts, problem } = readArguments(process.argv.slice(2));
if (problem) {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

// Before anything exists that a signal could leave behind.
const interrupted = firstSignal();
const stage = new Stage();
let exitCode = 1;
try {
  const outcome = await Promise.race([play(stage, screen, { rate, restarts }), interrupted]);
  screen.print(...report(outcome, screen.colours));
  exitCode = outcome.complaints.length === 0 ? 0 : 1;
} catch (error) {
  screen.print(screen.colours.red(error.message));
  exitCode = error.exitCode ?? 1;
} finally {
  screen.end();
  await stage.clear();
}
process.exit(exitCode);
