// Measures what a restart costs, beside what people would use instead, and writes docs/benchmarks.md from the results.
// `npm run bench -- --help` says how.
import { firstSignal } from '../examples/demo/interruption.mjs';
import { readArguments } from './arguments.mjs';
import { restartContenders } from './contenders/index.mjs';
import { describeMachine } from './machine.mjs';
import { writePage } from './page/page.mjs';
import { writeResult } from './results.mjs';
import { scenarios } from './scenarios/index.mjs';

const options = readArguments(
  process.argv.slice(2),
  scenarios.map(({ name }) => name),
  restartContenders.map(({ name }) => name),
);
if (options.help) {
  process.stdout.write(options.help);
  process.exit(0);
}
if (options.problem) {
  process.stderr.write(`${options.problem}\n`);
  process.exit(2);
}

const begunAt = performance.now();

function log(text) {
  const seconds = Math.round((performance.now() - begunAt) / 1000);
  process.stdout.write(`${String(seconds).padStart(4)} s  ${text}\n`);
}

/** What goes wrong in one scenario is told, and does not end the others. */
async function measure(scenario, { size, contenders, paths }) {
  log(scenario.name);
  const machine = describeMachine();
  try {
    const measured = await scenario.run({
      size: scenario.sizes[size],
      contenders,
      log: (text) => log(`  ${text}`),
    });
    writeResult(paths.results, scenario.name, { machine, size, ...measured });
    return measured.problems ?? [];
  } catch (error) {
    return [{ contender: scenario.name, problem: error.stack }];
  }
}

async function bench(options) {
  const problems = [];
  for (const scenario of scenarios.filter(({ name }) => options.names.includes(name))) {
    problems.push(...(await measure(scenario, options)));
  }
  for (const path of writePage(options.paths)) log(`wrote ${path}`);
  for (const { contender, problem } of problems) log(`FAILED: ${contender}: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await Promise.race([bench(options), firstSignal()]);
} catch (error) {
  process.stderr.write(`${error.exitCode === undefined ? error.stack : error.message}\n`);
  process.exitCode = error.exitCode ?? 1;
}
process.exit();
