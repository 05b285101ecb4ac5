/** What docs/protocol.md says in its tables, read so that it can be compared with the code. */

/** One row of a table of fields. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
}

export type Row = readonly string[];

/** The rows of the first table with this head, of whole lines, from a place on. Empty if there is none. */
export function readTable(markdown: string, head: string): readonly Row[] {
  const lines = markdown.split('\n');
  const first = lines.findIndex((line) => cells(line).join(' | ') === head);
  if (first === -1) return [];
  const rows = lines.slice(first + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end === -1 ? undefined : end).map(cells);
}

/** The text under a heading, as far as the next one of the same or a higher level. */
export function readSection(markdown: string, heading: string): string | undefined {
  const lines = markdown.split('\n');
  const first = lines.indexOf(heading);
  if (first === -1) return undefined;
  const level = heading.indexOf(' ');
  const end = lines.findIndex((line, at) => at > first && /^#+ /.test(line) && line.indexOf(' ') <= level);
  return lines.slice(first + 1, end === -1 ? undefined : end).join('\n');
}

/** The fields of a message (`take-over`) or of a part of one (`A record`). */
export function readFields(markdown: string): readonly Field[] {
  return readTable(markdown, 'field | type | meaning').map(([name = '', type = '']) => ({
    name: unquoted(name),
    type: type.replace(/, optional$/, ''),
    optional: type.endsWith(', optional'),
  }));
}

/** The headings that name a message, and what stands under them. */
export function readMessages(markdown: string): ReadonlyMap<string, string> {
  const section = readSection(markdown, '## Messages') ?? '';
  const names = [...section.matchAll(/^### `([a-z-]+)`$/gm)].map(([, name = '']) => name);
  return new Map(names.map((name) => [name, readSection(markdown, `### \`${name}\``) ?? '']));
}

/** A part of a message, introduced by a line of its own. */
export function readPart(markdown: string, introduction: string): readonly Field[] {
  return readFields(markdown.slice(markdown.indexOf(`\n${introduction}:\n`)));
}

export function readCode(markdown: string, language: string): readonly string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code = '']) => code,
  );
}

/** The words in backticks. */
export function codes(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

export function unquoted(text: string): string {
  return text.replaceAll('`', '');
}

function cells(line: string): readonly string[] {
  if (!line.startsWith('|')) return [];
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
