/** All servers of this user. */
import type { Context } from '../context.js';
import { survey, whoseServers } from '../find.js';
import { stateText } from '../status-lines.js';
import { columns, duration } from '../text.js';

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
  const rows = found.map(({ pid, stated, operator: { controlPath } }) => {
    if (stated === undefined) return [String(pid), '-', 'does not answer', '-', '-', '-', controlPath];
    const { snapshot } = stated;
    const since = snapshot.ownerSince === undefined ? '-' : duration(now - snapshot.ownerSince);
    return [
      String(snapshot.pid),
      String(snapshot.generation),
      stateText(snapshot),
      snapshot.program ?? '-',
      since,
      shortened(snapshot.listeners.map(({ bound }) => bound)),
      controlPath,
    ];
  });
  const [first = '', ...others] = columns([head, ...rows]);
  output.line(output.style('dim', first));
  for (const line of others) output.line(line);
}

/** All of thousands would hide the rest. */
function shortened(listeners: readonly string[]): string {
  const [first, second, ...others] = listeners;
  if (first === undefined) return '-';
  return [
    first,
    ...(second === undefined ? [] : [second]),
    ...(others.length === 0 ? [] : [`+${others.length}`]),
  ].join(' ');
}
