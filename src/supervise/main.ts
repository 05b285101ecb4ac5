/** Runs `supervise` by itself: its arguments are the command. */
import { supervise } from '../cli/commands/supervise.js';
import { endProcess } from '../process/exit.js';

void supervise(process.argv.slice(2)).then((code) => endProcess(code, () => Promise.resolve()));
