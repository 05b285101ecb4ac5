/**
 * Asks the registry for known vulnerabilities. One in what users install fails; one in what only developers install is
 * told. A registry that does not answer, or has no audits, is told in a sentence, and is no failure of this code.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PATIENCE_MILLISECONDS = 60_000;

/** What `npm audit --json` printed, as `{ findings }`, or as `{ unasked }`: why there was no answer. */
export function readAudit(stdout) {
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    return { unasked: 'npm audit printed no JSON' };
  }
  if (typeof report?.vulnerabilities !== 'object' || report.vulnerabilities === null) {
    const reason = report?.error?.summary || report?.message || report?.error?.code || 'no report came';
    return { unasked: String(reason).split('\n')[0] };
  }
  const findings = Object.values(report.vulnerabilities).map(({ name, severity, via }) => {
    const why = via.map((each) =>
      typeof each === 'string' ? `through ${each}` : `${each.title} ${each.url}`,
    );
    return `${name} (${severity}): ${why.join('; ')}`;
  });
  return { findings };
}

/** The lines to print, and whether they are a failure. */
export function verdict(what, audit, { fails }) {
  if ('unasked' in audit) return { lines: [`${what}: not audited, ${audit.unasked}`], failed: false };
  const count = audit.findings.length;
  if (count === 0) return { lines: [`${what}: no known vulnerabilities`], failed: false };
  return { lines: [`${what}: ${count} known to be vulnerable`, ...audit.findings], failed: fails };
}

function audit(...words) {
  const { stdout, error, signal } = spawnSync('npm', ['audit', '--json', ...words], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    timeout: PATIENCE_MILLISECONDS,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (signal !== null) {
    return { unasked: `the registry did not answer within ${PATIENCE_MILLISECONDS / 1_000} s` };
  }
  if (error !== undefined) return { unasked: error.message };
  return readAudit(stdout);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const verdicts = [
    verdict('what users install', audit('--omit=dev', '--audit-level=low'), { fails: true }),
    verdict('with what developers install', audit(), { fails: false }),
  ];
  for (const { lines } of verdicts) console.log(lines.join('\n  '));
  if (verdicts.some(({ failed }) => failed)) process.exitCode = 1;
}
