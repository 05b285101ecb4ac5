/** What others wrote, for a terminal. Pure. */

/** Colours and movements of the cursor (ECMA-48). `stripVTControlCharacters` takes text away with them (measured, Node 20). */
const SEQUENCE = /\u001b\[[0-?]*[ -/]*[@-~]/g;
/** What is left of the control characters of a text that others wrote, tabs and newlines apart. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A text without its colours: as wide as it looks. */
export function unstyled(text: string): string {
  return text.replace(SEQUENCE, '');
}

/** A text of another process: it must not move the cursor, or hide what stands beside it. */
export function harmless(text: string): string {
  return unstyled(text.replaceAll('\r\n', '\n')).replace(CONTROL, '·');
}

/** The same on one line. */
export function harmlessLine(text: string): string {
  const lines = harmless(text).split('\n');
  return lines.length === 1
    ? (lines[0] ?? '')
    : lines
        .map((line) => line.trim())
        .filter((line) => line !== '')
        .join(' ');
}
