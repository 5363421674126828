import 'reflect-metadata';
import { join } from 'node:path';
import { configureGlobal } from 'fast-check';
import { inject } from 'vitest';

// What the shell says must not decide where a test connects, or how the app under test is set up.
for (const name of Object.keys(process.env)) {
  if (/^(PG|IP_TRACKING_)|^(DATABASE_URL|REDIS_URL|PORT|HOST|ADAPTER)$/.test(name)) {
    delete process.env[name];
  }
}

// What a test leaves behind must not outlive the run, nor reach another run's tests.
process.env['XDG_STATE_HOME'] = join(
  inject('temporaryFolder'),
  `state-${process.env['VITEST_POOL_ID'] ?? '0'}`,
);

// A seed that a test names for itself hides what other draws would show.
const propertyMs = Number(process.env['PROPERTY_MS'] ?? 0);
configureGlobal({
  seed: inject('propertySeed'),
  // Where each of thousands of mutants is run, the first second of a property has to do.
  ...(propertyMs > 0 ? { interruptAfterTimeLimit: propertyMs } : {}),
});
