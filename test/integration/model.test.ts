/** The model of the hand-over (test/model/check.py) finds nothing wrong, notices what is left out, and speaks the protocol. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { FIELDS } from '../../src/handover/packet.js';
import { readCode } from '../support/protocol-page.js';
import { requirement } from '../support/requirements.js';

const CHECK = fileURLToPath(new URL('../model/check.py', import.meta.url));
const PATIENCE = 300_000;

/** What check.py prints of each search. */
interface Found {
  scenario: string;
  /** The rule that was left out. */
  without?: string;
  /** The model does not need that rule, and says why. */
  redundant?: boolean;
  states: number;
  problem: string | null;
  trace: string[];
  messages: string[];
}

/** Orders, and what is for display: none of them decides who is the owner. */
const NOT_MODELLED = [
  'counted', // what is counted
  'connection', // a take-over over a line that a child inherited is the same once it is connected
  'draining',
  'moved', // as `busy`: connect again
  'progress',
  'reopen-log',
  'restart',
  'restarted',
  'rollback',
  'rolled-back',
  'stand-by',
  'status',
  'stop',
  'stopping',
];

const check = async (...args: string[]): Promise<string> =>
  // The exit code tells a person that something is wrong; the lines tell a test what.
  (
    await promisify(execFile)('python3', ['-B', CHECK, ...args]).catch(
      (error: unknown) => error as { stdout: string },
    )
  ).stdout;

describe('the model of the hand-over', { ...requirement('python3'), timeout: PATIENCE }, () => {
  let found: Found[] = [];

  beforeAll(async () => {
    const lines = (await check()).trim().split('\n');
    found = lines.map((line) => JSON.parse(line) as Found);
  }, PATIENCE);

  test('has one owner, loses nobody and comes to rest, whatever goes wrong', () => {
    const scenarios = found.filter(({ without }) => without === undefined);
    for (const { scenario, states, problem, trace } of scenarios) {
      console.info(`${scenario}: ${states} states`);
      expect(problem, `${scenario}\n${trace.join('\n')}`).toBeNull();
    }
    expect(scenarios.length).toBeGreaterThan(5);
  });

  test('notices each rule that is left out', () => {
    const mutations = found.filter(({ without, redundant }) => without !== undefined && !redundant);
    for (const { without, problem, trace } of mutations) {
      console.info(`without ${without}: ${problem}, after ${trace.length} steps`);
      expect(problem, `nothing is wrong without ${without}`).not.toBeNull();
    }
    expect(mutations.length).toBeGreaterThan(10);
  });

  test('does without the rules it calls redundant', () => {
    for (const { without, problem } of found.filter(({ redundant }) => redundant)) {
      expect(problem, `not redundant: ${without}`).toBeNull();
    }
  });

  test('says every message of the protocol that decides anything, and no other', () => {
    const said = new Set(found.flatMap(({ messages }) => messages));
    expect([...said, ...NOT_MODELLED].sort()).toEqual(Object.keys(FIELDS).sort());
  });

  test('says them in the order of the page', async () => {
    const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    const [diagram = ''] = readCode(page, 'mermaid');
    const ofPage = [...diagram.matchAll(/^ *([PS])->>[PS]: ([a-z-]+)/gm)].map(
      ([, who, message]) => `${who}: ${message}`,
    );
    const said = JSON.parse(await check('conversation')) as [number, string][];
    const ofModel = said.map(([who, message]) => `${who === 0 ? 'P' : 'S'}: ${message}`);
    // The page draws the packets with listeners as a loop.
    const once = ofModel.filter((line, at) => ofModel.indexOf(line) === at);
    expect(once).toEqual(ofPage);
  });
});
