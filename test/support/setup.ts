import 'reflect-metadata';

// What the shell says must not decide where a test connects, or how the app under test is set up.
for (const name of Object.keys(process.env)) {
  if (/^(PG|IP_TRACKING_)|^(DATABASE_URL|REDIS_URL|PORT|HOST|ADAPTER)$/.test(name)) {
    delete process.env[name];
  }
}
