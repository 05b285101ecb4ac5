/** Words and numbers as people read them. Pure. */
import { unstyled } from '../process/harmless.js';

const GAP = '  ';
/** A column that is narrower is harder to read than lines that run over. */
const NARROWEST = 20;

/** `320 ms`, `4.2 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 10_000) return `${(Math.floor(milliseconds / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(milliseconds / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, 'min', seconds % 60, 's', minutes < 10);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'min');
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, unit: string, small: number, smallUnit: string, both = true): string {
  return both && small > 0 ? `${large} ${unit} ${small} ${smallUnit}` : `${large} ${unit}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The end of a text of several lines, which is what says why; none of one that is empty. */
export function lastLines(text: string, most: number): string[] {
  const lines = text.replaceAll('\t', '    ').trimEnd().split('\n');
  if (lines.length === 1 && lines[0] === '') return [];
  return lines.length <= most ? lines : ['…', ...lines.slice(-most)];
}

/** `2026-01-31 04:05:06`, in local time. */
export function moment(at: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '?';
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${clock(date)}`;
}

/** `04:05:06`, in local time. */
export function clock(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((number) => String(number).padStart(2, '0'))
    .join(':');
}

/**
 * Rows as columns, two spaces apart, lined up by what is seen. In a terminal that is `most` columns wide the last cell goes on
 * below itself.
 */
export function columns(rows: readonly (readonly string[])[], most = Number.POSITIVE_INFINITY): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, width(cell));
  }
  return rows.flatMap((row) => {
    const last = row.length - 1;
    const indent = widths.slice(0, last).reduce((sum, each) => sum + each + GAP.length, 0);
    const head = row
      .slice(0, last)
      .map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - width(cell)) + GAP);
    return wrapped(row[last] ?? '', most - indent).map((text, at) =>
      `${at === 0 ? head.join('') : ' '.repeat(indent)}${text}`.trimEnd(),
    );
  });
}

/** Between words only: who copies a path wants it whole. */
function wrapped(text: string, most: number): string[] {
  if (width(text) <= most || most < NARROWEST) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || width(line) + 1 + width(word) > most) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

/** Cut to so many columns; styles are dropped from a line that is too long. */
export function fitted(line: string, most: number): string {
  if (width(line) <= most) return line;
  return `${Array.from(unstyled(line))
    .slice(0, Math.max(0, most - 1))
    .join('')}…`;
}

/** In columns, as far as each character takes one. */
export function width(text: string): number {
  return Array.from(unstyled(text)).length;
}
