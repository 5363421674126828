/**
 * Ends with an error where the module takes far more of an app than it does today: a bare app on Fastify, made as fast,
 * and one with all of the module, in turn; the best round of each, in processor time. The floor is so low that other work
 * on the machine does not reach it, and a part that became several times as dear does.
 *
 *   npm run bench -- floor [seconds] [rounds]
 */
import { anyClient } from './support/clients.js';
import { openBenchDatabase } from './support/database.js';
import { BenchServer, leaveProcessorToApp } from './support/server.js';

const SECONDS = Number(process.argv[2] ?? 2);
const ROUNDS = Number(process.argv[3] ?? 3);
/** Of the bare app's requests in as much processor time; four in five is what there was when this was written. */
const FLOOR = 0.45;

leaveProcessorToApp();
const database = await openBenchDatabase();
const best = { bare: Infinity, module: Infinity };
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const variant of ['bare', 'module'] as const) {
      const server = await BenchServer.start({
        BENCH_DATABASE_URL: database.url,
        BENCH_ADAPTER: 'fastify',
        BENCH_VARIANT: variant,
        BENCH_FAST: '1',
      });
      await server.warmUp(anyClient);
      const { cpuMicrosPerRequest } = await server.load(SECONDS, anyClient);
      best[variant] = Math.min(best[variant], cpuMicrosPerRequest);
      await server.stop();
    }
  }
} finally {
  await database.close();
}
const kept = best.bare / best.module;
process.stdout.write(
  `Fastify: ${best.bare.toFixed(1)} us a request bare, ${best.module.toFixed(1)} with the module: ${(100 * kept).toFixed(0)} % kept, of which ${(100 * FLOOR).toFixed(0)} % is the least.\n`,
);
if (kept < FLOOR) {
  process.stderr.write(
    'The module has become several times as dear: see `npm run bench -- cost`.\n',
  );
  process.exitCode = 1;
}
