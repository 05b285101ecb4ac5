/**
 * Prints, after all results, each test that this machine could not run, with its reason:
 * an unmet `requirement()`, or the note of `context.skip(note)`.
 */
import type { Reporter, TestModule } from 'vitest/node';

export default class NotRunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const reason = test.meta().unmet ?? (result.state === 'skipped' ? result.note : undefined);
        if (reason !== undefined) {
          lines.push(`not run: ${module.relativeModuleId} > ${test.fullName} — ${reason}`);
        }
      }
    }
    if (lines.length > 0) process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}
