/**
 * Compares the public API, as dist/ has it, with its reports in test/package/api/. With --update writes them anew.
 * Exit code 1: they differ.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { update: { type: 'boolean', default: false }, reports: { type: 'string' } },
});
const reports = values.reports ?? join(root, 'test', 'package', 'api');
const scratch = mkdtempSync(join(tmpdir(), 'api-'));

const changed = ['index', 'http'].filter((entry) => !compare(entry));
rmSync(scratch, { recursive: true, force: true });
if (changed.length > 0 && !values.update) {
  console.error('The public API is not what its report says. If it is meant to be: npm run api -- --update');
  process.exitCode = 1;
}

function compare(entry) {
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, 'dist', `${entry}.d.ts`),
      compiler: { tsconfigFilePath: join(root, 'tsconfig.build.json') },
      newlineKind: 'lf',
      apiReport: {
        enabled: true,
        reportFileName: `${entry}.api.md`,
        reportFolder: reports,
        reportTempFolder: scratch,
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        // Biome, the compiler and typedoc have their say elsewhere.
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const { apiReportChanged } = Extractor.invoke(config, {
    localBuild: values.update,
    messageCallback: (message) => {
      message.handled = message.logLevel !== 'error';
    },
  });
  if (apiReportChanged && !values.update) showDifference(entry);
  return !apiReportChanged;
}

/** The lines that only one of the two has. */
function showDifference(entry) {
  const name = `${entry}.api.md`;
  const linesOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []);
  const before = linesOf(join(reports, name));
  const now = linesOf(join(scratch, name));
  console.error(name);
  for (const line of before) if (!now.includes(line)) console.error(`- ${line}`);
  for (const line of now) if (!before.includes(line)) console.error(`+ ${line}`);
}
