import { describe, expect, test } from 'vitest';
import { readSnapshot } from '../../src/cli/snapshot.js';
import { changeLine, statusLines } from '../../src/cli/status-lines.js';

const NOW = 1_800_000_000_000;
const plain = { style: (_style: string, text: string): string => text };
const minimal = { state: 'serving', pid: 12 };
const full = {
  state: 'serving',
  pid: 4802,
  generation: 4,
  program: 'echo@1.4.2',
  version: '0.1.0',
  ownerSince: NOW - 130_000,
  listeners: [
    { name: 'tcp://0.0.0.0:6789', bound: 'tcp://0.0.0.0:6789', accepting: true },
    { name: 'tcp://127.0.0.1:0', bound: 'tcp://127.0.0.1:40123', accepting: false },
  ],
  connections: { active: 12, busy: 3, idle: 9, total: 5012 },
  requests: { active: 3, total: 10_234 },
  draining: [
    {
      pid: 4711,
      generation: 3,
      connections: 2,
      busy: 1,
      canServeAgain: true,
      rollbackUntil: NOW + 50_000,
      deadline: NOW + 470_000,
    },
    {
      pid: 4600,
      generation: 2,
      connections: 1,
      busy: null,
      canServeAgain: false,
      rollbackUntil: null,
      deadline: null,
    },
  ],
  restarting: { pid: 4950, since: NOW - 12_000, deadline: NOW + 48_000 },
  restartQueued: true,
  lastHandover: {
    at: NOW - 5_000,
    outcome: 'failed',
    pid: 4900,
    error: { code: 'SOME_CODE', message: 'It \u001b[31mexited.' },
    lastWords: 'Error: no\u001b[2J\n    at x',
  },
};

describe('a status for people', () => {
  test('has everything that the server tells', () => {
    const lines = statusLines(readSnapshot(full), '/run/echo/control', NOW, plain);
    expect(lines.map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, '<moment>'))).toEqual([
      'echo@1.4.2 (uninterruptible 0.1.0)  serving, restarting',
      '  pid          4802, generation 4, serving for 2 min 10 s',
      '  control      /run/echo/control',
      '  listeners    tcp://0.0.0.0:6789  accepting',
      '               tcp://127.0.0.1:0   tcp://127.0.0.1:40123  not accepting',
      '  connections  12 open (3 busy, 9 idle), 5012 so far',
      '  requests     3 being answered, 10234 so far',
      '  draining     pid 4711, generation 3: 2 connections left, 1 busy, cut in 7 min 50 s, can serve again for 50 s at least',
      '               pid 4600, generation 2: 1 connection left',
      '  restarting   pid 4950, begun 12 s ago, given up in 48 s',
      '               a restart waits until this change of owner is over',
      '  last change  <moment>: failed (new: pid 4900), pid 4802 serves on',
      '               It exited.',
      '               SOME_CODE',
      '               | Error: no',
      '               |     at x',
    ]);
  });

  test('makes do with what an older release tells', () => {
    expect(statusLines(readSnapshot(minimal), '/c', NOW, plain)).toEqual([
      'a program without a name  serving',
      '  pid          12, generation 0',
      '  control      /c',
      '  listeners    none',
      '  connections  0 open, 0 so far',
      '  draining     nobody',
    ]);
  });

  test('calls a program without a name as it is started', () => {
    const [first] = statusLines(
      readSnapshot({ ...minimal, startCommand: ['node', 's.mjs'] }),
      '/c',
      NOW,
      plain,
    );
    expect(first).toBe('node s.mjs  serving');
  });

  test('of a restart whose process has not been started yet', () => {
    const restarting = { pid: null, since: NOW, deadline: NOW + 60_000 };
    const lines = statusLines(readSnapshot({ ...minimal, restarting }), '/c', NOW, plain);
    expect(lines[0]).toBe('a program without a name  serving, restarting');
    expect(lines.at(-1)).toBe(
      '  restarting   the new process is about to be started, begun 0 ms ago, given up in 1 min',
    );
  });

  test('of last words has the end', () => {
    const words = Array.from({ length: 30 }, (_, at) => `line ${at}`).join('\n');
    const lines = statusLines(
      readSnapshot({ ...full, lastHandover: { ...full.lastHandover, lastWords: words } }),
      '/c',
      NOW,
      plain,
    ).map((line) => line.trim());
    expect(lines.slice(lines.indexOf('SOME_CODE') + 1)).toEqual([
      '| …',
      ...words
        .split('\n')
        .slice(-10)
        .map((line) => `| ${line}`),
    ]);
  });

  test('ignores fields of the wrong type', () => {
    const odd = {
      ...minimal,
      generation: 'x',
      listeners: { a: 1 },
      connections: [],
      draining: [1, null],
      lastHandover: 'no',
      restarting: true,
    };
    expect(readSnapshot(odd)).toEqual(readSnapshot(minimal));
  });

  test('is none without a state and a pid', () => {
    expect(() => readSnapshot({ pid: 1 })).toThrow('no server of this library');
  });
});

test('a change is one line', () => {
  expect(changeLine(readSnapshot(full))).toBe(
    'serving, restarting, pid 4802, generation 4; 12 connections; pid 4711 drains 2 connections; pid 4600 drains 1 connection',
  );
  const standby = { ...minimal, draining: [{ pid: 7, connections: 0, canServeAgain: true }] };
  expect(changeLine(readSnapshot(standby))).toBe(
    'serving, pid 12, generation 0; 0 connections; pid 7 stands by',
  );
});
