import { defineConfig } from 'vitest/config';

/**
 * Four projects, one after the other: `unit` (fast, in parallel), `types` (what the compiler must and must not accept),
 * `integration` (real processes, which mostly wait: two files at a time) and `load` (one file at a time, nothing else).
 * TEST_REPORT names a file that receives the results as JSON.
 */
/** They measure, or keep every processor busy. */
const alone = ['bench', 'g1-*', 'g6-*', 'http-autocannon', 'http-load', 'package', 'soak'].map(
  (name) => `test/integration/${name}.test.ts`,
);
const processes = { pool: 'forks', testTimeout: 120_000, hookTimeout: 60_000 } as const;
const report = process.env['TEST_REPORT'];

export default defineConfig({
  test: {
    reporters: [
      'default',
      './test/support/not-run-reporter.ts',
      ...(report === undefined ? [] : [['json', { outputFile: report }] as ['json', { outputFile: string }]]),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**'],
      reporter: ['text', 'html'],
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**'],
          pool: 'forks',
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'types',
          include: [],
          pool: 'forks',
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './tsconfig.json',
            ignoreSourceErrors: true, // `npm run typecheck` reports those
          },
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: alone,
          ...processes,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'load',
          include: alone,
          ...processes,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
