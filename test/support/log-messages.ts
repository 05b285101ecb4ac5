/** Every message of the log at `info` and above, as it stands in the source; `…` where a value goes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A call that logs, up to its message. */
const CALLS =
  /(?:\blog(?:\(\))?\??\.(?:info|warn|error)\(|\.step\(|\battempt\(\s*(?:this|service),|#quota\(|#seldom\([^'"`]*,\s*'(?:warn|error)',)\s*(?<message>'[^']*'|`[^`]*`)/g;

export function messagesOf(directory: string): string[] {
  const messages = readdirSync(directory, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    if (!name.endsWith('.ts')) return [];
    const source = readFileSync(join(directory, name), 'utf8').replaceAll(/' \+\s+'/g, '');
    return [...source.matchAll(CALLS)].map(({ groups }) => plain(groups?.['message'] ?? ''));
  });
  return [...new Set(messages)].sort();
}

/** The first column of every table whose head begins with `message`, without its quotes. */
export function documentedIn(markdown: string): string[] {
  const rows: string[] = [];
  let inTable = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('| message |')) inTable = true;
    else if (!line.startsWith('|')) inTable = false;
    else if (inTable) {
      const [, cell = ''] = line.split('|');
      rows.push(...[...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message));
    }
  }
  return rows.sort();
}

function plain(literal: string): string {
  return literal.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, '…');
}
