import { defineConfig } from 'vitest/config';

/** Apps as users make them, with packages from the registry: npm run test:hosts */
export default defineConfig({
  test: {
    include: ['test/hosts/**/*.host-spec.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    reporters: [
      'default',
      './test/support/reporters/seed.ts',
      './test/support/reporters/summary.ts',
    ],
    // What takes long is npm.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    maxWorkers: 2,
    pool: 'forks',
    // A test that is run alone, and committed so, hides all others.
    allowOnly: false,
  },
});
