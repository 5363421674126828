/**
 * How long the scan of one hour takes, with as many rows, clients and findings as are given, and what memory this process
 * takes for it. All detectors share what they read, so they are run together, and then each by itself.
 *
 *   npm run bench -- scan [rows] [clients] [findings]
 *
 * Where the number of clients and rows / findings have no divisor in common, as many clients are found as asked for.
 */
import { cpus } from 'node:os';
import { Client } from 'pg';
import { createDataSource } from '../src/database/data-source.js';
import { detectionSettings } from '../src/detection/detection.options.js';
import { ScanFindings } from '../src/detection/scan/scan-findings.js';
import { bitsOf } from '../src/signals/signal.js';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';

const HOUR_MS = 3_600_000;
/** How often all detectors are run together. */
const ROUNDS = 7;
const [rows = 1_000_000, clients = 99_999, findings = 10_000] = process.argv.slice(2).map(Number);
const from = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS);
const window = { from, to: new Date(from.getTime() + HOUR_MS) };

const server = await openBenchDatabase({
  shared_buffers: '1GB',
  fsync: 'off',
  synchronous_commit: 'off',
  max_wal_size: '8GB',
});
const client = new Client({ connectionString: server.url });
await client.connect();
await client.query(`select ip_tracking.make_partition($1::date, true)`, [from]);
await client.query(
  `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, route, status, outcome,
          duration_us, user_agent, sensitive, signals, ingested_at)
   select gen_random_uuid(), at, '10.0.0.0'::inet + (n % $2), 'socket', 'GET', '/orders/' || n, '/orders/:id', 200, 'served', 1200,
          'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0', n % 1000 = 0,
          case when n % ($1 / $3) = 0 then $4::bigint else 0 end, at
     from generate_series(1, $1::int) as n, lateral (select $5::timestamptz + n * interval '1 second' * (3599.0 / $1) as at) as t`,
  [rows, clients, findings, bitsOf(['probe:secrets', 'unmatched']), from],
);
await client.query('vacuum analyze ip_tracking.request_log');
await client.end();

const dataSource = createDataSource({ url: server.url }, []);
await dataSource.initialize();
const table: string[][] = [['detectors', 'seconds', 'worst', 'found']];
let peak = 0;
const watching = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 50);
const all = detectionSettings({}).detectors;
for (const detectors of [all, ...all.map((detector) => [detector])]) {
  const seconds: number[] = [];
  for (let round = 0; round < (detectors === all ? ROUNDS : 1); round++) {
    await dataSource.query('truncate ip_tracking.suspicious_ip');
    const started = performance.now();
    const scan = new ScanFindings(window, {
      claims: null,
      facts: { coordinatesOf: () => null },
      now: Date.now,
    });
    await dataSource.transaction((manager) => scan.judge(manager, window, detectors));
    seconds.push((performance.now() - started) / 1_000);
  }
  const name = detectors === all ? 'all together' : detectors[0]!.name;
  const [stored] = await dataSource.query<{ found: string }[]>(
    'select count(*) as found from ip_tracking.suspicious_ip',
  );
  table.push([
    name,
    median(seconds).toFixed(2),
    detectors === all ? Math.max(...seconds).toFixed(2) : '',
    String(stored?.found),
  ]);
}
clearInterval(watching);
process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}; ${rows} rows, ${clients} clients; at most ${Math.round(peak / 2 ** 20)} MB here\n\n`,
);
printTable(table);
await dataSource.destroy();
await server.close();
