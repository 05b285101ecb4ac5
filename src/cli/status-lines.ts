/** A status as lines for people. Pure. */
import { harmlessLine } from '../process/harmless.js';
import type { Output, Style } from './output.js';
import type { Draining, LastHandover, Restarting, Snapshot } from './snapshot.js';
import { columns, count, duration, lastLines, moment } from './text.js';

const MOST_OF_A_NAME = 40;
/** Lines of the last words of a process that failed: the end is what says why. */
const MOST_WORDS = 10;

type Paint = Pick<Output, 'style'> & Partial<Pick<Output, 'width'>>;

export function statusLines(snapshot: Snapshot, controlPath: string, now: number, paint: Paint): string[] {
  const { pid, generation, ownerSince, startedAt, requests } = snapshot;
  const since = ownerSince ?? startedAt;
  const rows: [string, string][] = [
    [
      'pid',
      `${pid}, generation ${generation}${since === undefined ? '' : `, serving for ${duration(now - since)}`}`,
    ],
    ['control', harmlessLine(controlPath)],
    ...listenerRows(snapshot, paint),
    ['connections', connectionText(snapshot)],
  ];
  if (requests !== undefined) {
    rows.push(['requests', `${requests.active} being answered, ${requests.total} so far`]);
  }
  rows.push(
    ...labelled(
      'draining',
      snapshot.draining.map((each) => drainingText(each, now)),
      'nobody',
    ),
  );
  rows.push(...labelled('restarting', restartingTexts(snapshot, now)));
  if (snapshot.lastHandover !== undefined) {
    rows.push(...labelled('last change', lastHandoverTexts(snapshot.lastHandover, snapshot.pid, paint)));
  }
  return [
    headline(snapshot, paint),
    ...columns(
      rows.map(([label, text]) => [`  ${paint.style('dim', label)}`, text]),
      paint.width,
    ),
  ];
}

/** One line that differs when something has changed that an operator waits for. */
export function changeLine(snapshot: Snapshot): string {
  const { pid, generation, connections, draining } = snapshot;
  const parts = [
    `${stateText(snapshot)}, pid ${pid}, generation ${generation}`,
    count(connections.active, 'connection'),
    ...draining.map((each) => `pid ${each.pid} ${drains(each)}`),
  ];
  return parts.join('; ');
}

export function stateText({ state, restarting }: Snapshot): string {
  // It accepts until it has heard that the new process does.
  if (state === 'handing-over') return 'serving, handing over';
  return restarting !== undefined && state === 'serving' ? 'serving, restarting' : state;
}

export function listenerLines({ listeners }: Snapshot, paint: Paint): string[] {
  return columns(
    listeners.map(({ name, bound, accepting }) => [
      ...(name === bound ? [bound] : [name, bound]),
      accepting ? paint.style('green', 'accepting') : paint.style('yellow', 'not accepting'),
    ]),
  );
}

function headline(snapshot: Snapshot, paint: Paint): string {
  const { version } = snapshot;
  const style: Style = stateText(snapshot).startsWith('serving') ? 'green' : 'yellow';
  const library = version === undefined ? '' : paint.style('dim', ` (uninterruptible ${version})`);
  return `${paint.style('bold', nameOf(snapshot))}${library}  ${paint.style(style, stateText(snapshot))}`;
}

/** What it calls itself, or how it is started. */
function nameOf({ program, startCommand }: Snapshot): string {
  if (program !== undefined) return program;
  if (startCommand === undefined) return 'a program without a name';
  return typeof startCommand === 'string' ? startCommand : startCommand.join(' ');
}

/** The same where it stands among others: a long one must not hide them. */
export function shortNameOf(snapshot: Snapshot): string {
  const name = nameOf(snapshot);
  return name.length <= MOST_OF_A_NAME ? name : `${name.slice(0, MOST_OF_A_NAME - 1)}…`;
}

/** Where it listens, in a few words: all of thousands would hide the rest. */
export function boundBy({ listeners }: Snapshot): string {
  const [first, second, ...others] = listeners.map(({ bound }) => bound);
  if (first === undefined) return '-';
  return [
    first,
    ...(second === undefined ? [] : [second]),
    ...(others.length === 0 ? [] : [`+${others.length}`]),
  ].join(' ');
}

function listenerRows(snapshot: Snapshot, paint: Paint): [string, string][] {
  return labelled('listeners', listenerLines(snapshot, paint), 'none');
}

/** The label stands beside the first only. */
function labelled(label: string, texts: readonly string[], none = ''): [string, string][] {
  if (texts.length === 0) return none === '' ? [] : [[label, none]];
  return texts.map((text, at) => [at === 0 ? label : '', text]);
}

function connectionText({ connections: { active, busy, idle, total } }: Snapshot): string {
  const parts = busy === undefined || idle === undefined ? '' : ` (${busy} busy, ${idle} idle)`;
  return `${active} open${parts}, ${total} so far`;
}

function drains(each: Draining): string {
  return standsBy(each) ? 'stands by' : `drains ${count(each.connections, 'connection')}`;
}

/** It has drained, and stays to serve again. */
function standsBy({ canServeAgain, connections }: Draining): boolean {
  return canServeAgain && connections === 0;
}

function drainingText(each: Draining, now: number): string {
  const { pid, generation, connections, busy, canServeAgain, rollbackUntil, deadline } = each;
  const left = standsBy(each) ? 'stands by' : `${count(connections, 'connection')} left`;
  const parts = [`pid ${pid}, generation ${generation}: ${left}`];
  if (busy !== undefined && connections > 0) parts.push(`${busy} busy`);
  if (deadline !== undefined && connections > 0) {
    parts.push(`cut in ${duration(Math.max(0, deadline - now))}`);
  }
  if (canServeAgain) {
    const until =
      rollbackUntil === undefined ? '' : ` for ${duration(Math.max(0, rollbackUntil - now))} at least`;
    parts.push(`can serve again${until}`);
  }
  return parts.join(', ');
}

function restartingTexts({ restarting, restartQueued }: Snapshot, now: number): string[] {
  const queued = restartQueued ? ['a restart waits until this change of owner is over'] : [];
  return restarting === undefined ? queued : [restartingText(restarting, now), ...queued];
}

function restartingText({ pid, since, deadline }: Restarting, now: number): string {
  const parts = [pid === undefined ? 'the new process is about to be started' : `pid ${pid}`];
  if (since !== undefined) parts.push(`begun ${duration(Math.max(0, now - since))} ago`);
  if (deadline !== undefined) parts.push(`given up in ${duration(Math.max(0, deadline - now))}`);
  return parts.join(', ');
}

function lastHandoverTexts(
  { at, outcome, pid, error, lastWords }: LastHandover,
  ownPid: number,
  paint: Paint,
): string[] {
  const when = moment(at);
  const other = pid === undefined || pid === ownPid ? undefined : `pid ${pid}`;
  if (outcome === 'done') return [`${when}: took over`];
  if (outcome === 'rolled-back') {
    return [
      `${when}: ${paint.style('yellow', 'rolled back')}${other === undefined ? '' : ` from ${other}`}, pid ${ownPid} serves again`,
    ];
  }
  const failed = `${when}: ${paint.style('red', 'failed')}${other === undefined ? '' : ` (new: ${other})`}, pid ${ownPid} serves on`;
  return [
    failed,
    ...(error === undefined ? [] : [error.message, paint.style('dim', error.code)]),
    ...lastLines(lastWords ?? '', MOST_WORDS).map((line) => `| ${line}`),
  ];
}
