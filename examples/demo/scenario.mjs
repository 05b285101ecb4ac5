// What happens in the demo, in order, and what would be wrong with it.
import { startLoad } from '../../test/support/load/start.mjs';
import { findComplaints } from './complaints.mjs';
import { Generations } from './generations.mjs';
import { openLifeline } from './lifeline.mjs';
import { progressLine } from './progress.mjs';

const LONG_LIVED = { count: 20, interval: 100 };
/** Load before the first restart, between two, and after the last, in milliseconds. */
const QUIET = 1500;
const ANSWER_DEADLINE = 10_000;
const LEAVE_DEADLINE = 10_000;

/** Resolves with what was measured and with the complaints, each a sentence. */
export async function play(stage, screen, { rate, restarts }) {
  const generations = new Generations(stage.directory, await openLifeline(stage.directory));
  try {
    await generations.started();
  } catch (error) {
    throw new Error(['the server did not start', error.message, ...generations.log].join('\n'));
  }
  const { port } = generations.current;
  screen.print(`${rate} connections a second to 127.0.0.1:${port}, ${restarts} restarts`);
  const load = await startLoad({
    target: { host: '127.0.0.1', port },
    rate,
    answer: 'echo-pid',
    longLived: LONG_LIVED,
  });
  screen.follow(() => progressLine(load.progress, generations.current));

  const complaints = [];
  try {
    await quiet(load);
    for (let restart = 1; restart <= restarts; restart += 1) {
      await generations.restart();
      await firstAnswer(load, generations.current);
      await quiet(load);
    }
  } catch (error) {
    complaints.push(`a restart failed: ${error.message}`);
  }
  const result = await load.stop();
  screen.unfollow();

  complaints.push(...findComplaints(result));
  complaints.push(...(await leave(stage, generations)));
  return { result, generations: generations.list, log: generations.log, complaints };
}

/** Nothing but load, for a while. */
async function quiet(load) {
  const start = load.progress?.elapsed ?? 0;
  await load.waitFor(({ elapsed }) => elapsed >= start + QUIET, QUIET + ANSWER_DEADLINE, 'the load to go on');
}

async function firstAnswer(load, { pid, generation }) {
  await load.waitFor(({ pids }) => pid in pids, ANSWER_DEADLINE, `an answer of generation ${generation}`);
}

/** With the last connection gone the old generations must leave by themselves, and the owner when it is told to. */
async function leave(stage, { list, current }) {
  const complaints = [];
  const old = list.filter(({ pid }) => pid !== current.pid);
  if (!(await stage.gone(pidsOf(old), LEAVE_DEADLINE))) complaints.push('an old process has not left');
  if (!stage.processes().includes(current.pid)) return [...complaints, 'the last process did not stay'];
  process.kill(current.pid, 'SIGTERM');
  if (!(await stage.gone([current.pid], LEAVE_DEADLINE))) complaints.push('the last process does not stop');
  const strays = stage.processes();
  if (strays.length > 0) complaints.push(`processes were left behind: ${strays.join(', ')}`);
  return complaints;
}

function pidsOf(list) {
  return list.map(({ pid }) => pid);
}
