/**
 * What a limit costs a route: a hello-world at a limit that never refuses, counted in memory, beside the same without one;
 * and what @nestjs/throttler's guard and the limiter of each adapter cost it, all of them on an app that has what the
 * module makes fast in node. "kept" is requests per second of the app's processor time, of the app that is named.
 *
 *   npm run bench -- guard [seconds] [rounds] [express|fastify]
 */
import { cpus, loadavg } from 'node:os';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';
import { BenchServer, leaveProcessorToApp, type Run } from './support/server.js';

const SECONDS = Number(process.argv[2] ?? 2);
const ROUNDS = Number(process.argv[3] ?? 5);
const ADAPTERS = process.argv[4] ? [process.argv[4]] : ['express', 'fastify'];

/** As many clients as have a busy minute. */
const CLIENTS = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.7`);

interface Series {
  name: string;
  variant: string;
  /** The variant that it is the same as but for the limit. */
  of: string;
  runs: Run[];
}

leaveProcessorToApp();
const database = await openBenchDatabase();
process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${ROUNDS} rounds of ${SECONDS} s, in turn, load average ${loadavg()[0]!.toFixed(1)}\n`,
);
for (const adapter of ADAPTERS) {
  const peer = adapter === 'express' ? 'express-rate-limit' : '@fastify/rate-limit';
  const series: Series[] = [
    { name: 'bare', variant: 'bare', of: 'bare', runs: [] },
    { name: 'our module, no limit on the route', variant: 'module', of: 'bare', runs: [] },
    { name: 'our module, @Sensitive()', variant: 'sensitive', of: 'module', runs: [] },
    { name: "@nestjs/throttler's guard", variant: 'throttler', of: 'bare', runs: [] },
    { name: peer, variant: 'adapter', of: 'bare', runs: [] },
  ];
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of series) {
      // A process each time: @nestjs/throttler keeps every hit of a minute, and would be slower in later rounds.
      const server = await BenchServer.start(
        {
          BENCH_DATABASE_URL: database.url,
          BENCH_ADAPTER: adapter,
          BENCH_VARIANT: one.variant,
        },
        './guarded-app.js',
      );
      let sent = 0;
      const from = () => CLIENTS[sent++ % CLIENTS.length]!;
      await server.warmUp(from);
      one.runs.push(await server.load(SECONDS, from));
      await server.stop();
    }
  }
  const rounds = [...Array(ROUNDS).keys()];
  const cpu = (variant: string, round: number) =>
    series.find((one) => one.variant === variant)!.runs[round]!.cpuMicrosPerRequest;
  printTable([
    [adapter, 'req/s', 'us CPU/req', 'limit, us', 'kept', 'worst', 'of', 'statuses'],
    ...series.map(({ name, variant, of, runs }) => {
      const kept = rounds.map((round) => cpu(of, round) / cpu(variant, round));
      const added = rounds.map((round) => cpu(variant, round) - cpu(of, round));
      return [
        name,
        median(runs.map((run) => run.requestsPerSecond)).toFixed(0),
        median(runs.map((run) => run.cpuMicrosPerRequest)).toFixed(1),
        median(added).toFixed(1),
        `${(100 * median(kept)).toFixed(0)} %`,
        `${(100 * Math.min(...kept)).toFixed(0)} %`,
        of,
        Object.keys(runs[0]!.statuses).join(' '),
      ];
    }),
  ]);
  process.stdout.write('\n');
}
await database.close();
