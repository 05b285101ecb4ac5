/** docs/service-managers.md shows the units of examples/systemd, and says of each line why it is there. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseSections } from '../support/readme/blocks.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/service-managers.md');
const blocks = parseSections(page).flatMap((section) => section.blocks);

/** Lines of a unit file without comments, and without empty ones but those before a section. */
function bare(unit: string): string {
  return unit
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line, at) => (line.startsWith('[') && at > 0 ? `\n${line}` : line))
    .join('\n');
}

describe('docs/service-managers.md', () => {
  test.for(['echo.service', 'echo.socket'])('shows %s as it is', (name) => {
    const shown = blocks.find(({ file }) => file === name)?.text;
    expect(shown?.trimEnd()).toBe(bare(read(`examples/systemd/${name}`)));
  });

  test('says why each line of the service is there', () => {
    const [, service = ''] = read('examples/systemd/echo.service').split('[Service]');
    const names = [...bare(service.split('[Install]')[0] ?? '').matchAll(/^(\w+)=/gm)].map(
      ([, name]) => name,
    );
    const rows = [...page.matchAll(/^\| (`.*?) \|/gm)].map(([, cell]) => cell).join(' ');
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(rows).toMatch(new RegExp(`\`${String(name)}[\`=]`));
    expect(rows).toContain('APP_ROOT');
  });

  test('says the same as the unit about systemd 252 and older', () => {
    const older = blocks.find(({ text }) => text.includes('ExecReload='))?.text ?? '';
    for (const line of older.trim().split('\n')) {
      expect(read('examples/systemd/echo.service')).toContain(`# ${line}\n`);
    }
  });
});
