/**
 * What one `process.nextTick` takes in apps that have booted and served for a second, of which an HTTP request takes a
 * dozen: V8 either optimizes the object that is made for a tick, or goes through its runtime for each of them, for as
 * long as the process lives. Which it is, is decided while the app boots; so each boot is looked at. There V8 decides as
 * well whether ticks are made among old objects, where dead ones keep whole requests: then those boots are dear.
 *
 *   npm run bench -- next-tick [boots] [express|fastify]
 */
import { cpus } from 'node:os';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';
import { BenchServer, leaveProcessorToApp } from './support/server.js';

const BOOTS = Number(process.argv[2] ?? 10);
const ADAPTERS = process.argv[3] ? [process.argv[3]] : ['express', 'fastify'];
/** Between what it takes with and without, which are far apart, in nanoseconds. */
const SLOW_NS = 200;
/** Of the cheapest boot's processor time; ticks among old objects double it. */
const DEAR = 1.4;

const VARIANTS = {
  bare: 'bare',
  'one empty interceptor': 'interceptor',
  'the whole module': 'module',
};

const anyClient = (request: number): string => `66.0.${(request >> 8) & 255}.${request & 255}`;

leaveProcessorToApp();
const database = await openBenchDatabase();
process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${BOOTS} boots, nanoseconds\n`,
);
for (const adapter of ADAPTERS) {
  const rows = [[adapter, 'ns', 'best', 'worst', 'slow', 'us CPU/req', 'best', 'worst', 'dear']];
  for (const [name, variant] of Object.entries(VARIANTS)) {
    const ticks: number[] = [];
    const micros: number[] = [];
    for (let boot = 0; boot < BOOTS; boot += 1) {
      const server = await BenchServer.start({
        BENCH_DATABASE_URL: database.url,
        BENCH_ADAPTER: adapter,
        BENCH_VARIANT: variant,
      });
      await server.load(1, anyClient);
      micros.push((await server.load(1, anyClient)).cpuMicrosPerRequest);
      ticks.push(await server.tick());
      await server.stop();
    }
    rows.push([
      name,
      median(ticks).toFixed(0),
      Math.min(...ticks).toFixed(0),
      Math.max(...ticks).toFixed(0),
      `${ticks.filter((tick) => tick > SLOW_NS).length} of ${BOOTS}`,
      median(micros).toFixed(1),
      Math.min(...micros).toFixed(1),
      Math.max(...micros).toFixed(1),
      `${micros.filter((each) => each > DEAR * Math.min(...micros)).length} of ${BOOTS}`,
    ]);
  }
  printTable(rows);
  process.stdout.write('\n');
}
await database.close();
