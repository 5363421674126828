import { configDefaults, defineConfig } from 'vitest/config';

/** What starts programs by the dozen, installs packages, breaks things or comes in multitudes: `npm run test:all` has it. */
const SLOW = [
  'test/faults/**',
  'test/package/**',
  'test/e2e/a-multitude-probes-once.e2e-spec.ts',
  'test/e2e/{demo-*,two-demos-*}.e2e-spec.ts',
  'test/e2e/embedded-postgres-starts-anywhere.e2e-spec.ts',
  'test/e2e/processes-share-a-limit.e2e-spec.ts',
  'test/e2e/processes-tell-each-other-what-to-detect.e2e-spec.ts',
  'test/e2e/roles-have-few-rights.e2e-spec.ts',
  'test/e2e/rules-change-on-the-command-line.e2e-spec.ts',
  'test/e2e/state-belongs-to-its-database.e2e-spec.ts',
  'test/repo/{documented-tests,recipes}.e2e-spec.ts',
];

export default defineConfig(({ mode }) => {
  const settings = {
    exclude: mode === 'quick' ? [...configDefaults.exclude, ...SLOW] : configDefaults.exclude,
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Half of a worker's time is waiting for PostgreSQL and timers. No test has a bound that three on two cores would miss.
    maxWorkers: 3,
    pool: 'forks' as const,
  };
  return {
    test: {
      // Once a run, for both.
      globalSetup: ['test/support/global-setup.ts'],
      reporters: [
        'default',
        './test/support/reporters/seed.ts',
        './test/support/reporters/summary.ts',
      ],
      // A test that is run alone, and committed so, hides all others.
      allowOnly: false,
      projects: [
        {
          test: {
            ...settings,
            name: 'pure',
            include: ['src/**/*.spec.ts', 'demo/**/*.spec.ts', 'test/**/*.spec.ts'],
            // Nothing of a process outlives their tests, and to load Nest for each file takes longer than most of them.
            isolate: false,
          },
        },
        { test: { ...settings, name: 'whole', include: ['test/**/*.e2e-spec.ts'] } },
      ],
    },
  };
});
