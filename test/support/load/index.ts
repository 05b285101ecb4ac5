/** Open-loop load from a process of its own: `startLoad`, and the shapes of what it takes and gives. */
export { startLoad } from './start.mjs';
export type * from './types.js';
