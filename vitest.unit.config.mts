import { defineConfig } from 'vitest/config';

/** What needs no PostgreSQL: npm run test:unit */
export default defineConfig({
  test: {
    include: ['src/**/*.spec.ts', 'demo/**/*.spec.ts', 'test/repo/**/*.spec.ts'],
    globalSetup: ['test/support/unit-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    reporters: [
      'default',
      './test/support/reporters/seed.ts',
      './test/support/reporters/summary.ts',
    ],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // As with all tests: see vitest.config.mts.
    isolate: false,
    pool: 'forks',
    allowOnly: false,
  },
});
