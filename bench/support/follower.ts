/** A second process that follows the rules, and says at what moment it acts on a change. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { IpRuleService, IpTrackingModule } from '../../src/index.js';

const app = await NestFactory.createApplicationContext(
  {
    module: class Follower {},
    imports: [
      IpTrackingModule.forRoot({
        database: { url: process.env['BENCH_DATABASE_URL']! },
        rules: { startTimeoutMs: 120_000 },
        geo: false,
        requestLog: false,
        detection: false,
        stateDir: process.env['BENCH_STATE_DIR']!,
      }),
    ],
  },
  { logger: ['error', 'warn'] },
);
const rules = app.get(IpRuleService);

/** Looks until the address is decided as expected; the decision itself asks the memory alone. */
function watch(address: string, expected: string): void {
  if (rules.decide(address).action === expected) {
    process.send!({ seen: address, at: Date.now() });
  } else {
    setImmediate(watch, address, expected);
  }
}

// A benchmark that fails leaves nobody behind.
process.on('disconnect', () => process.exit(1));
process.on('message', (message: { address: string; expected: string } | 'stop') => {
  if (message === 'stop') void app.close().then(() => process.exit(0));
  else watch(message.address, message.expected);
});
process.send!({ rss: process.memoryUsage().rss });
