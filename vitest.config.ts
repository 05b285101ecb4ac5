import { defineConfig } from 'vitest/config';

/**
 * Three projects: `unit` (fast, in parallel), `integration` (real processes under load, so one file at a time
 * and only when nothing else runs) and `types` (what the compiler must and must not accept).
 * TEST_REPORT names a file that receives the results as JSON.
 */
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
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
