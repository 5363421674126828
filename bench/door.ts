/**
 * What the module costs a hello-world, and what a refusal costs, as ratios to the bare app in the same run: 10,000
 * rules, places, every request logged to PostgreSQL. The app has processor 0; load generator and database share the
 * other, so requests a second say little by themselves: "kept" is requests per second of the app's processor time, of the bare app
 * that has what the module makes fast in node as well.
 *
 *   npm run bench -- door [seconds] [rounds] [express|fastify]
 */
import { cpus } from 'node:os';
import { Client } from 'pg';
import { anyClient } from './support/clients.js';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';
import { BenchServer, leaveProcessorToApp, type Run } from './support/server.js';

const SECONDS = Number(process.argv[2] ?? 5);
const ROUNDS = Number(process.argv[3] ?? 5);
const ADAPTERS = process.argv[4] ? [process.argv[4]] : ['express', 'fastify'];

const BLOCKED = '203.0.113.7';
const BLOCKED_NETWORK = '90.0.0.0/8';

interface Series {
  name: string;
  variant: string;
  /** What the module makes fast in node is so as well: ticks (`bench -- next-tick`), and on Express requests. */
  isFast?: boolean;
  from: (request: number) => string;
  runs: Run[];
}

const anyBlocked = (request: number) => `90.0.${(request >> 8) % 40}.${request & 255}`;

async function addRules(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    `insert into ip_tracking.ip_rule (action, network)
     select 'block', ('10.' || i / 250 || '.' || i % 250 || '.0/24')::cidr from generate_series(0, 9998) as i`,
  );
  await client.query(
    `insert into ip_tracking.ip_rule (action, network) values ('block', $1), ('block', $2)`,
    [BLOCKED, BLOCKED_NETWORK],
  );
  await client.end();
}

leaveProcessorToApp();
const database = await openBenchDatabase();
await addRules(database.url);
process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${ROUNDS} rounds of ${SECONDS} s, in turn\n`,
);
for (const adapter of ADAPTERS) {
  const series: Series[] = [
    {
      name: 'bare, made as fast',
      variant: 'bare',
      isFast: true,
      from: anyClient,
      runs: [],
    },
    { name: 'bare, as it boots', variant: 'bare', from: anyClient, runs: [] },
    { name: 'one empty interceptor', variant: 'interceptor', from: anyClient, runs: [] },
    { name: 'a query and an insert awaited', variant: 'querying', from: anyClient, runs: [] },
    { name: 'the whole module', variant: 'module', from: anyClient, runs: [] },
    { name: 'the whole module, blocked client', variant: 'module', from: () => BLOCKED, runs: [] },
    { name: 'the whole module, 10,000 blocked', variant: 'module', from: anyBlocked, runs: [] },
    { name: 'node:http, a constant 403', variant: 'node', from: anyClient, runs: [] },
  ];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const one of series) {
      const server = await BenchServer.start({
        BENCH_DATABASE_URL: database.url,
        BENCH_ADAPTER: adapter,
        BENCH_VARIANT: one.variant,
        BENCH_FAST: one.isFast === true ? '1' : '0',
      });
      await server.warmUp(one.from);
      one.runs.push(await server.load(SECONDS, one.from));
      await server.stop();
    }
  }
  const bare = series[0]!;
  const kept = (one: Series, i: number) =>
    bare.runs[i]!.cpuMicrosPerRequest / one.runs[i]!.cpuMicrosPerRequest;
  const speed = (one: Series, i: number) =>
    one.runs[i]!.requestsPerSecond / bare.runs[i]!.requestsPerSecond;
  const rounds = [...Array(ROUNDS).keys()];
  printTable([
    [adapter, 'req/s', 'us CPU/req', 'kept', 'worst', 'x bare req/s', 'worst', 'statuses'],
    ...series.map((one) => [
      one.name,
      median(one.runs.map((run) => run.requestsPerSecond)).toFixed(0),
      median(one.runs.map((run) => run.cpuMicrosPerRequest)).toFixed(1),
      `${(100 * median(rounds.map((i) => kept(one, i)))).toFixed(0)} %`,
      `${(100 * Math.min(...rounds.map((i) => kept(one, i)))).toFixed(0)} %`,
      median(rounds.map((i) => speed(one, i))).toFixed(2),
      Math.min(...rounds.map((i) => speed(one, i))).toFixed(2),
      Object.keys(one.runs[0]!.statuses).join(' '),
    ]),
  ]);
  const node = series.at(-1)!;
  for (const one of series.slice(-3, -1)) {
    const ratios = rounds.map((i) => ({
      time: node.runs[i]!.cpuMicrosPerRequest / one.runs[i]!.cpuMicrosPerRequest,
      speed: one.runs[i]!.requestsPerSecond / node.runs[i]!.requestsPerSecond,
    }));
    const percent = (values: number[]): string =>
      `${(100 * median(values)).toFixed(0)} % (worst ${(100 * Math.min(...values)).toFixed(0)} %)`;
    process.stdout.write(
      `${one.name}: ${percent(ratios.map(({ time }) => time))} of node:http's requests per second of processor time, ` +
        `${percent(ratios.map(({ speed }) => speed))} of its requests a second\n`,
    );
  }
  process.stdout.write('\n');
}
await database.close();
