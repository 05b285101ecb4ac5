// Which version of the program this is, as the benchmark deployed it: good, or bad in one of three ways.
import { readFileSync } from 'node:fs';

const version = readFileSync(process.env.BENCH_VERSION, 'utf8');

/** It starts and listens, and answers nonsense: what a probe is for. */
export const answersWrong = version === 'answer-wrong';

if (version === 'throw') throw new Error('this version does not start');
if (version === 'hang') {
  setInterval(() => {}, 60_000);
  await new Promise(() => {});
}
