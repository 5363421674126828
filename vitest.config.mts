import { defineConfig } from 'vitest/config';
import { SeedReporter } from './test/support/property-seed.js';
import { SummaryReporter } from './test/support/summary-reporter.js';

export default defineConfig({
  test: {
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
});
