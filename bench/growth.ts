/**
 * Whether writes stay flat as the table grows: the rows of one busy day, a million at a time, into the table as it is,
 * from so many clients, few of whom make most of the requests; or from all over the address space, hardly anybody twice,
 * which is the worst for an index on addresses. Says what the table and its indexes take on disk, too.
 *
 *   npm run bench -- growth [millions of rows] [rows of a write] [clients, 0 for the whole address space]
 *     [settings of PostgreSQL, such as shared_buffers=128MB,max_wal_size=1GB]
 */
import { cpus } from 'node:os';
import { createDataSource } from '../src/database/data-source.js';
import { Database } from '../src/database/database.js';
import { parseIp } from '../src/index.js';
import { RequestLogPartitions } from '../src/request-log/table/partitions.js';
import { PostgresSink } from '../src/request-log/sinks/postgres-sink.js';
import { recordId } from '../src/request-log/record/record-id.js';
import { linesOf } from '../src/request-log/record/line-writer.js';
import type { LogRecord } from '../src/request-log/record/request-record.js';
import { openBenchDatabase } from './support/database.js';
import { printTable } from './support/figures.js';

const MILLIONS = Number(process.argv[2] ?? 10);
const BATCH = Number(process.argv[3] ?? 1_000);
const CLIENTS = Number(process.argv[4] ?? 1_000_000);
const MILLION = 1_000_000;

/** A server whose memory holds the index of a day; with less, the index on addresses is read from the system. */
const SETTINGS = process.argv[5] ?? 'shared_buffers=4GB,max_wal_size=8GB';

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
      userAgent: 'curl/8.5.0',
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
await database.close();
await server.close();
