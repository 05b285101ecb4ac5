// All scenarios, in the order of the page. Each: `name`, `sizes`, `run({ size, contenders, log })`.
import { badDeploy } from './bad-deploy.mjs';
import { drain } from './drain.mjs';
import { handOver } from './hand-over.mjs';
import { restart } from './restart.mjs';
import { steady } from './steady.mjs';

export const scenarios = [restart, badDeploy, steady, handOver, drain];
