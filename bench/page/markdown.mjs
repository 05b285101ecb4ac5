// Tables, and numbers as the page shows them.

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Three significant figures at most: more was not measured. */
export function number(value) {
  if (value === null || value === undefined) return '–';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/** `0.991 (0.982 – 1.01)`: the median, and what it ranged between. */
export function ranged(spread) {
  if (spread === null) return '–';
  const { median, least, greatest } = spread;
  return `${number(median)} (${number(least)} – ${number(greatest)})`;
}

/** `95 / 110`: the median and the worst. */
export function withWorst(spread) {
  return spread === null ? '–' : `${number(spread.median)} / ${number(spread.greatest)}`;
}

export function megabytes(bytes) {
  return bytes === null ? '–' : String(Math.round(bytes / 1e6));
}

/** `12 refused, 1 reset` */
export function counts(byName) {
  const words = Object.entries(byName).map(([name, count]) => `${number(count)} ${name}`);
  return words.length === 0 ? '–' : words.join(', ');
}

/** A sentence for each goal: what it is, and whether it was met here. */
export function goal(text, isMet) {
  return `- ${isMet ? 'met' : '**not met**'}: ${text}`;
}
