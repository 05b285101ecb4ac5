import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { documentedIn, messagesOf } from '../support/log-messages.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const logged = messagesOf(path('src'));
const documented = documentedIn(readFileSync(path('docs/operating.md'), 'utf8'));

/** A long message may be cut short with `…`. */
function means(row: string, message: string): boolean {
  return row === message || (row.endsWith('…') && message.startsWith(row.slice(0, -1)));
}

describe('the messages in docs/operating.md', () => {
  test('are those of the log, every one of them', () => {
    expect(logged.length).toBeGreaterThan(50);
    expect(logged.filter((message) => !documented.some((row) => means(row, message)))).toEqual([]);
  });

  test('are no others', () => {
    // Chosen by an expression: the reader of the source sees no message there.
    const chosen = ['predecessor gone', 'predecessor lost'];
    const known = [...logged, ...chosen];
    expect(documented.filter((row) => !known.some((message) => means(row, message)))).toEqual([]);
  });

  test('are each explained once', () => {
    expect(documented.filter((row, at) => documented.indexOf(row) !== at)).toEqual([]);
  });
});
