/** What the model (`test/model`) says of every single fault of one hand-over, done to real processes: the same one serves. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ownersOf } from '../support/one-owner.js';
import { requirement } from '../support/requirements.js';
import { trial } from '../support/trial.js';

const FAULTS = fileURLToPath(new URL('../model/faults.py', import.meta.url));

interface Fault {
  how: 'launch' | 'restart';
  /** 0: the owner before; 1: the new process. */
  who: 0 | 1;
  at: string;
  action: 'kill' | 'break';
  /** Who may serve in the end. */
  owners: number[];
}

const needs = requirement('addon', 'proc', 'python3');
const faults = needs.met
  ? execFileSync('python3', ['-B', FAULTS], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Fault)
  : [];

test('the model knows of faults on both sides', needs, () => {
  expect(new Set(faults.map(({ how, who, action }) => `${how} ${who} ${action}`)).size).toBe(8);
});

describe('after one fault', needs, () => {
  test.concurrent.for(faults)('$how: $who, $action at $at: $owners', async (fault) => {
    const { how, who, at, action, owners } = fault;
    const version = { fault: { at, action } };
    await trial(who === 0 ? version : {}, async (trial) => {
      const { generations, first } = trial;
      // Keeps the old one there, draining, so that it can serve again.
      const held = await trial.hold();
      trial.deploy(who === 1 ? version : {});
      if (how === 'launch') generations.launch();
      else process.kill(first, 'SIGUSR1');
      await generations.until(() => existsSync(trial.faulted), `the fault at ${at}`);
      await trial.until(({ pid, state }) => state === 'serving' && owners.includes(pid === first ? 0 : 1));
      expect(ownersOf(`${generations.controlPath}.lock`)).toBe(1);
      held.end();
    });
  });
});
