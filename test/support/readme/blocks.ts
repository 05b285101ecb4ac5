/** README.md as sections of code blocks. Pure. */

export interface Block {
  /** `js`, `console`, … as it stands after the fence. */
  readonly language: string;
  /** The file the text is to be written to. */
  readonly file: string | undefined;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** One command of a console block, and what it prints. */
export interface Step {
  readonly command: string;
  /** Without a newline at the end. */
  readonly expected: string;
  /** `…` alone on the last line: anything may follow. */
  readonly open: boolean;
  readonly line: number;
}

const FENCE = /^```(?<language>[\w-]*)(?: +(?<attributes>.*))?$/;

/** Sections by their headings of level 2; what comes before the first has the title ''. */
export function parseSections(markdown: string): Section[] {
  const sections: { title: string; blocks: Block[] }[] = [{ title: '', blocks: [] }];
  let block: { language: string; file: string | undefined; line: number; lines: string[] } | undefined;
  for (const [at, text] of markdown.split('\n').entries()) {
    if (block === undefined) {
      const heading = /^## (.*)$/.exec(text);
      if (heading !== null) sections.push({ title: heading[1] ?? '', blocks: [] });
      const { language, attributes } = FENCE.exec(text)?.groups ?? {};
      if (language === undefined) continue;
      block = { language, file: /^file=(\S+)$/.exec(attributes ?? '')?.[1], line: at + 1, lines: [] };
    } else if (text === '```') {
      const { lines, ...rest } = block;
      sections.at(-1)?.blocks.push({ ...rest, text: lines.map((line) => `${line}\n`).join('') });
      block = undefined;
    } else {
      block.lines.push(text);
    }
  }
  if (block !== undefined) throw new Error(`line ${block.line}: the block never ends`);
  return sections;
}

/** A console block: lines that begin with `$ ` are commands, the lines after each are what it prints. */
export function parseSteps({ text, line }: Block): Step[] {
  const steps: { command: string; lines: string[]; line: number }[] = [];
  for (const [at, row] of text.split('\n').slice(0, -1).entries()) {
    if (row.startsWith('$ ')) steps.push({ command: row.slice(2), lines: [], line: line + 1 + at });
    else if (steps.length === 0) throw new Error(`line ${line + 1 + at}: output before any command`);
    else steps.at(-1)?.lines.push(row);
  }
  return steps.map(({ command, lines, line }) => {
    const open = lines.at(-1) === '…';
    return { command, expected: (open ? lines.slice(0, -1) : lines).join('\n'), open, line };
  });
}

export function fits({ expected, open }: Step, output: string): boolean {
  const printed = output.replace(/\n$/, '');
  if (open) return expected === '' || `${printed}\n`.startsWith(`${expected}\n`);
  return printed === expected;
}
