// The fixture of the integration tests, whose steps are told to the interposer: as a call of access(2) with the step's name,
// so that it counts them, and does to them, as to any system call.
import { subscribe } from 'node:diagnostics_channel';
import { accessSync } from 'node:fs';

const reach = (step) => accessSync(`/uninterruptible-step/${step.replaceAll(' ', '-')}`);

subscribe('uninterruptible:protocol', ({ direction, type, lock, held }) =>
  reach(lock === undefined ? `${direction}:${type}` : `${lock}:${held ? 'got' : 'released'}`),
);
subscribe('uninterruptible:handover', ({ step }) => reach(step));

await import('../fixtures/echo.mjs');
