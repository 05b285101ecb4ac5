import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compareOptionTable, readOptionTable } from './support/option-table.js';

const head = '| option | environment | default | meaning |\n|---|---|---|---|\n';
const rows = [
  '| `startCommand` | | required by `run()` | x |',
  '| `bind` | | `tcp://<bindAddress>:<bindPort>` | a \\| b |',
  '| `bindAddress`, `bindPort` | –, `PORT` | `0.0.0.0`, required if no `bind` | x |',
  '| `pidfilePath` | `PID_FILE` | none | x |',
  '| `logPath` | `LOG_PATH` | stdout | x |',
  '| `logLevel` | `LOG_LEVEL` | `info` | x |',
  '| `logger` | | pino | x |',
  '| `tlsKey`, `tlsCertificate` | `TLS_KEY`, `TLS_CERTIFICATE` (paths) | none | x |',
  '| `tlsVersion` | `TLS_VERSION` | `TLSv1_2` | x |',
  '| `tlsOptions` | | none | x |',
  '| `verifyClientTlsCertificate` | `VERIFY_CLIENT_TLS_CERTIFICATE` | false | x |',
  '| `clientTlsCertificateCa` | `CLIENT_TLS_CERTIFICATE_CA` | none | x |',
  '| `allowedNetworks` | `ALLOWED_NETWORKS` (commas) | all | x |',
  '| `workingDirectory` | `APP_ROOT` | `$PWD` if it names the directory we were started in, else that | x |',
  '| `controlPath` | `CONTROL_PATH` | private, per process | x |',
  '| `restartSignal` | | `SIGUSR1` | x |',
  '| `maxConnections` | | none | x |',
  '| `readyTimeout` | `READY_TIMEOUT` | 60 s | x |',
  '| `drainTimeout` | `DRAIN_TIMEOUT` | none | x |',
  '| `rollbackWindow` | `ROLLBACK_WINDOW` | 0 | x |',
  '| `maxDraining` | | none | x |',
  '| `shutdownDelay` | `SHUTDOWN_DELAY` | 0 | x |',
  '| `http2` | | false | x |',
  '| `httpOptions` | | none | x |',
  '| `readiness` | | none | x |',
];

describe('the table of options in README.md', () => {
  test('it names every option, its variable and its default as the code has them', () => {
    const path = new URL('../README.md', import.meta.url);
    const table = existsSync(path) ? readOptionTable(readFileSync(path, 'utf8')) : undefined;
    expect(table, 'README.md has no table | option | environment | default | meaning |').toBeDefined();
    expect(compareOptionTable(table ?? [])).toEqual([]);
  });
});

describe('the comparison', () => {
  const compare = (lines: readonly string[]): readonly string[] =>
    compareOptionTable(readOptionTable(`# Title\n\n${head}${lines.join('\n')}\n\nMore.\n`) ?? []);

  test('finds no difference where there is none', () => {
    expect(compare(rows)).toEqual([]);
  });

  test('finds no table where there is none', () => {
    expect(readOptionTable('# Title\n\n| option | default |\n|---|---|\n')).toBeUndefined();
  });

  test('finds what is missing, too much, or different', () => {
    const changed = rows
      .filter((row) => !row.startsWith('| `bind` '))
      .map((row) =>
        row.replace('60 s', '30 s').replace('`PID_FILE`', '`PIDFILE`').replace('`SIGUSR1`', '`SIGUSR2`'),
      );
    expect(compare([...changed, '| `colour` | | none | x |', '| `logger` | | pino | x |'])).toEqual([
      'bind stands in the table 0 times',
      'logger stands in the table 2 times',
      'pidfilePath: the environment is PID_FILE, not PIDFILE',
      'restartSignal: the default is `SIGUSR1`, not `SIGUSR2`',
      'readyTimeout: the default is 60 s, not 30 s',
      'colour is no option',
    ]);
  });
});
