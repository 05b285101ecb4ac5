/**
 * Counts the results in vitest's JSON reports.
 *
 *     count.mjs FAILED_STEPS REPORT…   prints `N passed, N failed`; exit code 1 when anything failed
 *     count.mjs --explains REPORT      exit code 0 when the report names a failure
 */
import { readFileSync } from 'node:fs';

const [first, ...paths] = process.argv.slice(2);

const total = { passed: 0, failed: 0 };
for (const path of paths) {
  const report = read(path);
  if (report === undefined) continue;
  total.passed += report.numPassedTests;
  // A file that could not be loaded, or whose hooks failed, has no failed test of its own.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  total.failed += report.numFailedTests + brokenFiles.length;
}

if (first === '--explains') {
  process.exitCode = total.failed > 0 ? 0 : 1;
} else {
  total.failed += Number(first);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

/** A run that ended before its report was written left none; the step counts then. */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
