/**
 * What each part of the module adds to a request, by switching parts off, one more in each row: 10,000 rules, clients
 * that are told apart by a header, hello-world. The app has processor 0; load and database share the other.
 *
 *   npm run bench -- cost [seconds] [rounds] [express|fastify] [rows]
 */
import { cpus, loadavg } from 'node:os';
import { Client } from 'pg';
import { anyClient } from './support/clients.js';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';
import { BenchServer, leaveProcessorToApp } from './support/server.js';

const SECONDS = Number(process.argv[2] ?? 3);
const ROUNDS = Number(process.argv[3] ?? 7);
const ADAPTERS = process.argv[4] ? [process.argv[4]] : ['express', 'fastify'];
/** Some of the rows, by their names, with semicolons between them. */
const ONLY = process.argv[5];

/** A bare app that has what the module makes fast in node, fast as well: ticks, and on Express requests. */
const FAST = 'bare, fast';

/** Each record is made, and handed to a sink that keeps none: without what PostgreSQL does on the other processor. */
const FORGOTTEN = 'log, to a sink that forgets';

/** What only a logged request asks for. */
const NOTHING = { requestLog: false, geo: false, signals: false, detection: false };

/** From the bare app to all of it: each row has what the one before it has, and one part more. */
const STEPS: [name: string, variant: string, options: object][] = [
  ['bare, as it boots', 'bare', {}],
  ['bare, made as fast', FAST, {}],
  ['edge and client IP', 'module', { ...NOTHING, rules: false, rateLimits: false }],
  ['rules', 'module', { ...NOTHING, rateLimits: false }],
  ['limits', 'module', NOTHING],
  [FORGOTTEN, 'module', { ...NOTHING, requestLog: {} }],
  ['log', 'module', { ...NOTHING, requestLog: {} }],
  ['places', 'module', { ...NOTHING, requestLog: {}, geo: {} }],
  ['signals', 'module', { detection: false }],
  ['watch', 'module', {}],
];

leaveProcessorToApp();
const database = await openBenchDatabase();
const client = new Client({ connectionString: database.url });
await client.connect();
await client.query(
  `insert into ip_tracking.ip_rule (action, network)
   select 'block', ('10.' || i / 250 || '.' || i % 250 || '.0/24')::cidr from generate_series(0, 9999) as i`,
);
await client.end();
process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)}, ` +
    `${ROUNDS} rounds of ${SECONDS} s, in turn\n`,
);
for (const adapter of ADAPTERS) {
  const micros = STEPS.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [step, [name, variant, options]] of STEPS.entries()) {
      if (ONLY !== undefined && !ONLY.split(';').includes(name)) continue;
      const server = await BenchServer.start({
        BENCH_DATABASE_URL: database.url,
        BENCH_ADAPTER: adapter,
        BENCH_VARIANT: variant === FAST ? 'bare' : variant,
        BENCH_FAST: variant === FAST ? '1' : '0',
        BENCH_OPTIONS: JSON.stringify(options),
        BENCH_SINK: name === FORGOTTEN ? 'none' : 'postgres',
      });
      await server.warmUp(anyClient);
      micros[step]!.push((await server.load(SECONDS, anyClient)).cpuMicrosPerRequest);
      await server.stop();
    }
  }
  printTable([
    [adapter, 'us CPU/req', 'best', 'worst', 'adds', 'kept'],
    ...STEPS.map(([name], step) => [name, step] as const)
      .filter(([, step]) => micros[step]!.length > 0)
      .map(([name, step]) => [
        name,
        median(micros[step]!).toFixed(1),
        Math.min(...micros[step]!).toFixed(1),
        Math.max(...micros[step]!).toFixed(1),
        step < 2 || micros[step - 1]!.length === 0
          ? ''
          : (median(micros[step]!) - median(micros[step - 1]!)).toFixed(1),
        micros[1]!.length === 0
          ? ''
          : `${((100 * median(micros[1]!)) / median(micros[step]!)).toFixed(0)} %`,
      ]),
  ]);
  process.stdout.write('\n');
}
await database.close();
