import { expect, test } from 'vitest';
import { withoutShell } from '../../src/process/spawn.js';

test.each([
  'node server.mjs',
  '/opt/node/bin/node server.mjs',
  '"node" \'server one.mjs\' "--word=two three"',
  '"/opt/my node/bin/node" server.mjs',
  'node server.mjs 2>&1',
  'node server.mjs >> server.log 2>&1 < /dev/null',
  'env PORT=80 node server.mjs',
  'node --max-old-space-size=512 server.mjs',
  'nice -n 5 node server.mjs',
  '$NODE server.mjs',
  '~/bin/node server.mjs *.json',
])('%s replaces the shell', (command) => {
  expect(withoutShell(command)).toBe(`exec ${command}`);
  expect(withoutShell(`  ${command} `)).toBe(`exec ${command}`);
});

test.each([
  'PORT=80 node server.mjs',
  "PORT='8 0' node server.mjs",
  'cd /srv && node server.mjs',
  'cd /srv; node server.mjs',
  'node server.mjs | tee log',
  'node server.mjs || true',
  'node server.mjs &',
  'node server.mjs &> log',
  '(node server.mjs)',
  '{ node server.mjs; }',
  'node $(ls server.mjs)',
  'node `ls server.mjs`',
  'node server.mjs\nnode other.mjs',
  'exec node server.mjs',
  'command node server.mjs',
  'chdir /srv',
  '. ./environment',
  'if true',
  '! node server.mjs',
  '[ -f server.mjs ]',
  '> log node server.mjs',
  'node -e "a(1); b()"',
  '',
])('%s is left to the shell as it stands', (command) => {
  expect(withoutShell(command)).toBe(command);
});
