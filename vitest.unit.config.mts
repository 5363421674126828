import { defineConfig } from 'vitest/config';
import { SeedReporter } from './test/support/property-seed.js';
import { SummaryReporter } from './test/support/summary-reporter.js';

/** What needs no PostgreSQL: npm run test:unit */
export default defineConfig({
  test: {
    include: ['src/**/*.spec.ts', 'demo/**/*.spec.ts', 'test/repo/**/*.spec.ts'],
    globalSetup: ['test/support/unit-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    reporters: ['default', new SeedReporter(), new SummaryReporter()],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // As with all tests: see vitest.config.mts.
    isolate: false,
    pool: 'forks',
    allowOnly: false,
  },
});
