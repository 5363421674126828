/**
 * Whether writes stay flat as the table grows: the rows of one busy day, a million at a time, into the table as it is,
 * from so many clients, few of whom make most of the requests; or from all over the address space, hardly anybody twice,
 * which is the worst for an index on addresses. User agents are those of the test's real log, as often as there. Says what
 * the table and its indexes take on disk, too, and what of it each column takes of a row.
 *
 *   npm run bench -- growth [millions of rows] [rows of a write] [clients, 0 for the whole address space]
 *     [settings of PostgreSQL, such as shared_buffers=128MB,max_wal_size=1GB]
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { createDataSource } from '../src/database/data-source.js';
import { Database } from '../src/database/database.js';
import { parseIp } from '../src/index.js';
import { RequestLogPartitions } from '../src/request-log/table/partitions.js';
import { PostgresSink } from '../src/request-log/sinks/postgres-sink.js';
import { recordId } from '../src/request-log/record/record-id.js';
import { linesOf } from '../src/request-log/record/line-writer.js';
import { LINE_COLUMNS } from '../src/request-log/record/record-line.js';
import type { LogRecord } from '../src/request-log/record/request-record.js';
import { openBenchDatabase } from './support/database.js';
import { median, percentile, printTable } from './support/figures.js';

const MILLIONS = Number(process.argv[2] ?? 10);
const BATCH = Number(process.argv[3] ?? 1_000);
const CLIENTS = Number(process.argv[4] ?? 1_000_000);
const MILLION = 1_000_000;
const READS = 500;

/** A server whose memory holds the index of a day; with less, the index on addresses is read from the system. */
const SETTINGS = process.argv[5] ?? 'shared_buffers=4GB,max_wal_size=8GB';

const FIXTURE = new URL('../../test/fixtures/apache-combined-10k.log.gz', import.meta.url);
/** What its lines have between their last two quotes. */
const AGENTS = gunzipSync(readFileSync(fileURLToPath(FIXTURE)))
  .toString('latin1')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('"').at(-2) ?? null);

const server = await openBenchDatabase(
  Object.fromEntries(SETTINGS.split(',').map((setting) => setting.split('=') as [string, string])),
);
const database = new Database(createDataSource({ url: server.url }, []), true);
await new RequestLogPartitions(database, Date.now).ensure();
const sink = new PostgresSink(database);
const start = Date.now();

let state = 20_251_121;
/** Numerical Recipes' generator: the same clients in every run. */
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

function address(): string {
  const client =
    CLIENTS === 0 ? random(2 ** 32) : Math.floor(CLIENTS * (random(2 ** 32) / 2 ** 32) ** 4);
  // Neighbours in number are no neighbours on the net.
  const bits = Math.imul(client + 1, 2_654_435_761) >>> 0;
  return `${1 + ((bits >>> 24) % 222)}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
}

function batchFrom(first: number): LogRecord[] {
  return Array.from({ length: BATCH }, (_, i) => {
    const timestampMs = start + Math.floor((first + i) / 1_000);
    return {
      id: recordId(timestampMs),
      timestampMs,
      ip: parseIp(address()),
      ipSource: 'x-forwarded-for',
      method: 'GET',
      path: `/articles/${random(5_000)}`,
      route: '/articles/:id',
      status: 200,
      outcome: 'served',
      durationUs: 200 + random(5_000),
      country: 'DE',
      city: null,
      userAgent: AGENTS[random(AGENTS.length)]!,
      userId: null,
      sensitive: false,
      ruleId: null,
      reason: null,
      repeats: 0,
      signals: null,
      attemptedUser: null,
    };
  });
}

process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${MILLIONS} million rows, ${BATCH} a write, ${CLIENTS === 0 ? 'the whole address space' : `${CLIENTS} clients`}, ${SETTINGS}\n`,
);
const rows: string[][] = [['million', 'rows/s', 'slowest write, ms', 'on disk, GB']];
for (let million = 1; million <= MILLIONS; million += 1) {
  let writing = 0;
  let slowest = 0;
  for (let written = 0; written < MILLION; written += BATCH) {
    const batch = batchFrom((million - 1) * MILLION + written);
    const before = performance.now();
    await sink.writeLines(linesOf(batch));
    const took = performance.now() - before;
    writing += took;
    slowest = Math.max(slowest, took);
  }
  const [size] = await database.query<{ gb: string }>(
    `select round(sum(pg_total_relation_size(inhrelid)) / 1e9, 2)::text as gb
       from pg_inherits where inhparent = 'ip_tracking.request_log'::regclass`,
  );
  rows.push([
    String(million),
    ((MILLION / writing) * 1_000).toFixed(0),
    slowest.toFixed(0),
    size!.gb,
  ]);
}
printTable(rows);
await printBytes();
await printReads();
await database.close();
await server.close();

/** What a row of the day takes: its columns by a sample, its table with what goes on around them, and each index. */
async function printBytes(): Promise<void> {
  const [day] = await database.query<{ name: string; bytes: number }>(
    `select relname as name, pg_table_size(pg_class.oid)::float8 as bytes
       from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = 'ip_tracking.request_log'::regclass order by bytes desc limit 1`,
  );
  const total = MILLIONS * MILLION;
  const columns = [...LINE_COLUMNS, 'ingested_at'];
  const sizes = columns.map(
    (column) => `avg(coalesce(pg_column_size("${column}"), 0))::float8 as "${column}"`,
  );
  const [row] = await database.query<Record<string, number>>(
    `select ${sizes.join(', ')} from ip_tracking.${day!.name} tablesample system (1)`,
  );
  const indexes = await database.query<{ name: string; bytes: number }>(
    `select indexrelid::regclass::text as name, pg_relation_size(indexrelid)::float8 as bytes
       from pg_index where indrelid = 'ip_tracking.${day!.name}'::regclass order by bytes desc`,
  );
  printTable([
    ['of a row', 'bytes'],
    ...columns.map((column) => [column, row![column]!.toFixed(1)]),
    ['the table', (day!.bytes / total).toFixed(1)],
    ...indexes.map(({ name, bytes }) => [name, (bytes / total).toFixed(1)]),
  ]);
}

/** How long it takes to find the rows of a client, of the whole day and of a tenth of a second of it, and a row by its key. */
async function printReads(): Promise<void> {
  await database.query('vacuum analyze ip_tracking.request_log');
  const some = await database.query<{ id: string; timestamp: Date; ip_address: string }>(
    `select id, "timestamp", ip_address from ip_tracking.request_log tablesample system (0.1) order by random() limit $1`,
    [READS],
  );
  const [busiest] = await database.query<{ ip_address: string }>(
    `select ip_address from ip_tracking.request_log tablesample system (0.1)
      group by 1 order by count(*) desc limit 1`,
  );
  const LOG = 'select count(duration_us) from ip_tracking.request_log where';
  const reads: [string, string, unknown[][]][] = [
    ['by key', `${LOG} id = $1 and "timestamp" = $2`, some.map((row) => [row.id, row.timestamp])],
    ['of a client', `${LOG} ip_address = $1`, some.map((row) => [row.ip_address])],
    [
      'of a client, of 100,000 rows',
      `${LOG} ip_address = $1 and "timestamp" between $2 and $2 + interval '100 milliseconds'`,
      some.map((row) => [row.ip_address, row.timestamp]),
    ],
    [
      'of the busiest client, of 100,000 rows',
      `${LOG} ip_address = $1 and "timestamp" between $2 and $2 + interval '100 milliseconds'`,
      some.slice(0, READS / 10).map((row) => [busiest!.ip_address, row.timestamp]),
    ],
  ];
  const table = [['rows', 'median, ms', 'p99, ms']];
  for (const [name, sql, values] of reads) {
    const times: number[] = [];
    for (const one of values) {
      const before = performance.now();
      await database.query(sql, one);
      times.push(performance.now() - before);
    }
    table.push([name, median(times).toFixed(2), percentile(times, 0.99).toFixed(2)]);
  }
  printTable(table);
}
