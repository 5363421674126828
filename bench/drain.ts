/**
 * How fast records get into the table, partitioned and indexed as it is, and what each costs this process: by COPY as
 * the module does it, by COPY of rows of which all are there already, and by `unnest`, the next best. And what it costs
 * to make a record a line, and a line a part of the spool; and what it would cost to hand it to a worker thread instead,
 * which begins with a structured clone.
 *
 *   npm run bench -- drain [rows] [rounds] [rows of a write]
 */
import { cpus, tmpdir } from 'node:os';
import * as fileSystem from 'node:fs/promises';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { createDataSource } from '../src/database/data-source.js';
import { Database } from '../src/database/database.js';
import { parseIp } from '../src/index.js';
import { createRequestQueue } from '../src/request-log/queue/create-request-queue.js';
import { RequestLogPartitions } from '../src/request-log/table/partitions.js';
import { PostgresSink } from '../src/request-log/sinks/postgres-sink.js';
import { recordId } from '../src/request-log/record/record-id.js';
import { linesOf } from '../src/request-log/record/line-writer.js';
import type { Lines } from '../src/request-log/record/lines.js';
import { LINE_COLUMNS } from '../src/request-log/record/record-line.js';
import type { LogRecord } from '../src/request-log/record/request-record.js';
import { framesOf } from '../src/request-log/spool/spool-frame.js';
import { SinkSpoolPlace } from '../src/request-log/spool/spool-place.js';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';

const ROWS = Number(process.argv[2] ?? 200_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const BATCH = Number(process.argv[4] ?? 2_500);

const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36',
  'curl/8.5.0',
  null,
];

/** A minute of a busy site. */
function recordsOf(count: number): LogRecord[] {
  const now = Date.now();
  return Array.from({ length: count }, (_, i) => ({
    id: recordId(now + (i % 60_000)),
    timestampMs: now + (i % 60_000),
    ip: parseIp(`${66 + (i % 20)}.${i % 250}.${Math.floor(i / 250) % 40}.${(i % 250) + 1}`),
    ipSource: 'x-forwarded-for',
    method: 'GET',
    path: `/articles/${i % 5_000}`,
    route: '/articles/:id',
    status: 200,
    outcome: 'served',
    durationUs: 200 + (i % 5_000),
    country: 'DE',
    city: i % 3 === 0 ? 'Cologne' : null,
    userAgent: AGENTS[i % AGENTS.length]!,
    userId: i % 4 === 0 ? String(i % 977) : null,
    sensitive: i % 50 === 0,
    ruleId: null,
    reason: null,
    repeats: 0,
    signals: null,
    attemptedUser: null,
  }));
}

/** What PostgreSQL is told of each column, and where its values are. */
const FIELDS: Record<(typeof LINE_COLUMNS)[number], [string, (record: LogRecord) => unknown]> = {
  id: ['uuid', (record) => record.id],
  timestamp: ['timestamptz', (record) => new Date(record.timestampMs).toISOString()],
  ip_address: ['inet', (record) => record.ip?.toString() ?? null],
  ip_source: ['text', (record) => record.ipSource],
  method: ['text', (record) => record.method],
  path: ['text', (record) => record.path],
  route: ['text', (record) => record.route],
  status: ['smallint', (record) => record.status],
  outcome: ['text', (record) => record.outcome],
  duration_us: ['bigint', (record) => record.durationUs],
  country: ['text', (record) => record.country],
  city: ['text', (record) => record.city],
  user_agent: ['text', (record) => record.userAgent],
  user_id: ['text', (record) => record.userId],
  sensitive: ['boolean', (record) => record.sensitive],
  rule_id: ['integer', (record) => record.ruleId],
  reason: ['text', (record) => record.reason],
  repeats: ['integer', (record) => record.repeats],
  extra: ['jsonb', () => null],
  signals: ['bigint', (record) => record.signals],
  attempted_user: ['text', (record) => record.attemptedUser],
};
const UNNEST = `
  insert into ip_tracking.request_log (${LINE_COLUMNS.map((column) => `"${column}"`).join(', ')})
  select * from unnest(${LINE_COLUMNS.map((column, i) => `$${i + 1}::${FIELDS[column][0]}[]`).join(', ')})
  on conflict do nothing`;

const server = await openBenchDatabase();
const database = new Database(createDataSource({ url: server.url }, []), true);
await new RequestLogPartitions(database, Date.now).ensure();
const sink = new PostgresSink(database);

async function inBatches(
  records: readonly LogRecord[],
  write: (batch: readonly LogRecord[]) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < records.length; from += BATCH) {
    await write(records.slice(from, from + BATCH));
  }
}

/** The whole way, as a request takes it: pushed, made a line, sent by the queue, while the next ones come. */
async function throughTheQueue(records: readonly LogRecord[]): Promise<void> {
  const folder = await fileSystem.mkdtemp(join(tmpdir(), 'ipt-drain-'));
  const queue = createRequestQueue({
    sink: { writeLines: (lines: Lines) => sink.writeLines(lines) },
    spoolPlace: new SinkSpoolPlace(() => Promise.resolve(folder), fileSystem),
    spool: { writeIntervalMs: 100, syncIntervalMs: 1_000, maxBytes: 2 ** 29, adoptAfterMs: 6_000 },
    flushIntervalMs: 50,
    maxBatchSize: BATCH,
    maxQueued: Number.MAX_SAFE_INTEGER,
    log: {
      log: () => undefined,
      warn: () => undefined,
      error: (message) => process.stderr.write(`${message}\n`),
    },
  });
  let written: Promise<unknown> = Promise.resolve();
  for (let from = 0; from < records.length; from += BATCH) {
    for (const record of records.slice(from, from + BATCH)) queue.push(record);
    // Requests come while those before them are written.
    await written;
    written = queue.flush(60_000);
  }
  await written;
  if (queue.stats.written !== records.length) throw new Error('not all of it was written');
  await queue.close(1_000);
  await fileSystem.rm(folder, { recursive: true, force: true });
}

interface Series {
  name: string;
  run: (records: readonly LogRecord[]) => Promise<void> | void;
  seconds: number[];
  cpuMicros: number[];
}
const series: Series[] = (
  [
    ['the queue, COPY', throughTheQueue],
    ['COPY', (records) => inBatches(records, (batch) => sink.writeLines(linesOf(batch)))],
    [
      'COPY, all there already',
      (records) => inBatches(records, (batch) => sink.writeLines(linesOf(batch))),
    ],
    [
      'unnest',
      (records) =>
        inBatches(records, (batch) =>
          database.query(
            UNNEST,
            LINE_COLUMNS.map((column) => batch.map(FIELDS[column][1])),
          ),
        ),
    ],
    [
      'a record to a line',
      (records) => {
        for (let from = 0; from < records.length; from += BATCH) {
          linesOf(records.slice(from, from + BATCH));
        }
      },
    ],
    [
      'a record to the spool',
      (records) => {
        for (let from = 0; from < records.length; from += BATCH) {
          framesOf(linesOf(records.slice(from, from + BATCH)));
        }
      },
    ],
    [
      'a record cloned for a worker',
      (records) => {
        for (let from = 0; from < records.length; from += BATCH) {
          serialize(records.slice(from, from + BATCH));
        }
      },
    ],
  ] satisfies [string, Series['run']][]
).map(([name, run]) => ({ name, run, seconds: [], cpuMicros: [] }));

process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${ROWS} rows, ${BATCH} a write, ${ROUNDS} rounds, in turn\n`,
);
for (let round = -1; round < ROUNDS; round += 1) {
  const records = recordsOf(ROWS);
  for (const one of series) {
    if (one.name !== 'COPY, all there already')
      await database.query('truncate ip_tracking.request_log');
    const before = process.cpuUsage();
    const startedAt = performance.now();
    await one.run(records);
    const seconds = (performance.now() - startedAt) / 1_000;
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round < 0) continue;
    one.seconds.push(seconds);
    one.cpuMicros.push((user + system) / ROWS);
  }
}
printTable([
  ['', 'rows/s', 'worst', 'us CPU/row', 'worst'],
  ...series.map(({ name, seconds, cpuMicros }) => [
    name,
    (ROWS / median(seconds)).toFixed(0),
    (ROWS / Math.max(...seconds)).toFixed(0),
    median(cpuMicros).toFixed(2),
    Math.max(...cpuMicros).toFixed(2),
  ]),
]);
await database.close();
await server.close();
