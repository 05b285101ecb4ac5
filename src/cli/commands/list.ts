/** All servers of this user. */
import { harmlessLine } from '../../process/harmless.js';
import type { Context } from '../context.js';
import { survey, whoseServers } from '../find.js';
import type { Output } from '../output.js';
import { boundBy, shortNameOf, stateText } from '../status-lines.js';
import { columns, duration, width } from '../text.js';

export async function list({ binding, output }: Context): Promise<void> {
  const found = await survey(binding);
  output.result({
    servers: found.map(({ pid, stated, operator: { controlPath } }) =>
      stated === undefined
        ? { pid, controlPath, answers: false }
        : { controlPath, answers: true, ...stated.status, pid: stated.snapshot.pid },
    ),
  });
  if (found.length === 0) {
    output.line(`No server of ${whoseServers()} runs here.`);
    return;
  }
  const now = Date.now();
  const head = ['PID', 'GENERATION', 'STATE', 'PROGRAM', 'SINCE', 'LISTENERS', 'CONTROL PATH'];
  const rows = found.map(({ pid, stated, operator }) => {
    const controlPath = harmlessLine(operator.controlPath);
    if (stated === undefined) return [String(pid), '-', 'does not answer', '-', '-', '-', controlPath];
    const { snapshot } = stated;
    const since = snapshot.ownerSince === undefined ? '-' : duration(now - snapshot.ownerSince);
    return [
      String(snapshot.pid),
      String(snapshot.generation),
      stateText(snapshot),
      shortNameOf(snapshot),
      since,
      boundBy(snapshot),
      controlPath,
    ];
  });
  const [first = '', ...others] = columns([head, ...rows]);
  if (Math.max(...[first, ...others].map(width)) > output.width) {
    listBelowEachOther(output, head, rows);
    return;
  }
  output.line(output.style('dim', first));
  for (const line of others) output.line(line);
}

/** Where the terminal is too narrow for a table. */
function listBelowEachOther(output: Output, head: readonly string[], rows: readonly string[][]): void {
  for (const [at, row] of rows.entries()) {
    if (at > 0) output.line();
    const labelled = row.map((cell, column) => [
      output.style('dim', (head[column] ?? '').toLowerCase()),
      cell,
    ]);
    for (const line of columns(labelled, output.width)) output.line(line);
  }
}
