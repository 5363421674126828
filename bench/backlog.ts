/**
 * What clients feel of a log that cannot be written: the time to an answer at a steady rate, half of what the app can
 * answer, while all is well, with 100,000 records that wait because the table is locked, and while those are written. And
 * what a burst takes of memory: 10,000 requests at once, each on a connection of its own, beside the bare app. And how long
 * a request is held up that finds records overdue, and stores them in the spool before it goes on.
 *
 *   npm run bench -- backlog [seconds] [rounds] [requests per second] [express|fastify]
 */
import * as fileSystem from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openBenchDatabase } from './support/database.js';
import { createRequestQueue } from '../src/request-log/queue/create-request-queue.js';
import { recordId } from '../src/request-log/record/record-id.js';
import { SinkSpoolPlace } from '../src/request-log/spool/spool-place.js';
import { median, printTable } from './support/figures.js';
import { BenchServer, leaveProcessorToApp } from './support/server.js';

const SECONDS = Number(process.argv[2] ?? 5);
const ROUNDS = Number(process.argv[3] ?? 5);
/** Half of what it answers at most, unless another one is asked for. */
const RATE = process.argv[4] === undefined ? null : Number(process.argv[4]);
const ADAPTERS = process.argv[5] ? [process.argv[5]] : ['express', 'fastify'];
const BACKLOG = 100_000;
const BURST = 10_000;
const MB = 1_024 * 1_024;

leaveProcessorToApp();
const database = await openBenchDatabase();
const locker = new Client({ connectionString: database.url });
await locker.connect();
const from = (request: number): string => `10.0.${(request >> 8) & 255}.${request & 255}`;

async function rowsStored(): Promise<number> {
  const { rows } = await locker.query<{ count: number }>(
    'select count(*)::int as count from ip_tracking.request_log',
  );
  return rows[0]!.count;
}

async function lock(): Promise<void> {
  await locker.query('begin');
  await locker.query('lock table ip_tracking.request_log in access exclusive mode');
}

interface Latency {
  p50: number;
  p99: number;
  max: number;
}
type Phase = 'nothing waits' | '100,000 wait' | 'they are written';
const phases: Record<Phase, Latency[]> = {
  'nothing waits': [],
  '100,000 wait': [],
  'they are written': [],
};
const memory: Record<string, number[]> = {};

async function start(adapter: string, variant: string, stateDir: string): Promise<BenchServer> {
  const server = await BenchServer.start({
    BENCH_DATABASE_URL: database.url,
    BENCH_ADAPTER: adapter,
    BENCH_VARIANT: variant,
    BENCH_STATE_DIR: stateDir,
  });
  await server.warmUp(from);
  return server;
}

process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${SECONDS} s, ${ROUNDS} rounds, load average ${loadavg()[0]!.toFixed(1)}\n`,
);
for (const adapter of ADAPTERS) {
  for (const list of Object.values(phases)) list.length = 0;
  let rate = RATE;
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = await mkdtemp(join(tmpdir(), 'ipt-backlog-'));
    const server = await start(adapter, 'module', join(folder, 'state'));
    rate ??= Math.round((await server.load(SECONDS, from)).requestsPerSecond / 2);
    phases['nothing waits'].push(await server.latency(SECONDS, rate, from));
    await lock();
    await server.send(BACKLOG, 64, from);
    phases['100,000 wait'].push(await server.latency(SECONDS, rate, from));
    const locked = server.latency(SECONDS, rate, from);
    await locker.query('commit');
    phases['they are written'].push(await locked);
    await server.stop();
    if ((await rowsStored()) < BACKLOG) throw new Error('not all of it was written');
    await locker.query('truncate ip_tracking.request_log');
    await rm(folder, { recursive: true, force: true });
  }
  process.stdout.write(`\n${adapter}: milliseconds to an answer at ${rate} requests/s\n`);
  printTable([
    ['', 'p50', 'p99', 'worst p99', 'longest'],
    ...Object.entries(phases).map(([phase, list]) => [
      phase,
      median(list.map(({ p50 }) => p50)).toFixed(1),
      median(list.map(({ p99 }) => p99)).toFixed(1),
      Math.max(...list.map(({ p99 }) => p99)).toFixed(1),
      Math.max(...list.map(({ max }) => max)).toFixed(1),
    ]),
  ]);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const variant of ['bare', 'module']) {
      const folder = await mkdtemp(join(tmpdir(), 'ipt-burst-'));
      const server = await start(adapter, variant, join(folder, 'state'));
      const before = await server.peakMemory();
      await server.send(BURST, BURST, from);
      const name = `${adapter}, ${variant}`;
      (memory[name] ??= []).push(((await server.peakMemory()) - before) / MB);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
}
process.stdout.write(`\n${BURST} requests at once: MB over the peak before\n`);
printTable([
  ['', 'median', 'worst'],
  ...Object.entries(memory).map(([name, list]) => [
    name,
    median(list).toFixed(0),
    Math.max(...list).toFixed(0),
  ]),
]);
await locker.end();
await database.close();

/** What one request pays for all that were before it: one every `writeIntervalMs`, while the sink takes nothing. */
async function storedAtOnce(records: number): Promise<{ storeMs: number[]; checkNs: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'ipt-at-once-'));
  const say = (): void => undefined;
  const queue = createRequestQueue({
    sink: { write: () => Promise.reject(new Error('down')) },
    spoolPlace: new SinkSpoolPlace(() => Promise.resolve(join(folder, 'spool')), fileSystem),
    spool: { writeIntervalMs: 60_000, syncIntervalMs: 1_000, maxBytes: 2 ** 30, adoptAfterMs: 6e3 },
    flushIntervalMs: 60_000,
    maxBatchSize: 2_500,
    maxQueued: 1_000_000,
    log: { log: say, warn: say, error: say },
  });
  await queue.start();
  const storeMs: number[] = [];
  // A disk that was slow once is left alone for a minute: then there is nothing to measure any more.
  while (storeMs.length < 200 && queue.stats.spoolPauses === 0) {
    const timestampMs = Date.now();
    for (let id = 0; id < records; id += 1) {
      queue.push({
        id: recordId(timestampMs),
        timestampMs,
        ip: null,
        ipSource: 'socket',
        method: 'GET',
        path: `/api/v1/articles/${id}`,
        route: '/api/v1/articles/:id',
        status: 200,
        outcome: 'served',
        durationUs: 1_234,
        userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
        userId: null,
        sensitive: false,
        ruleId: null,
        reason: null,
        repeats: 0,
        signals: null,
        attemptedUser: null,
        country: 'SE',
        city: 'Kiruna',
      });
    }
    const startedAt = performance.now();
    queue.storeAllNow();
    storeMs.push(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const checks = 1_000_000;
  const startedAt = performance.now();
  for (let check = 0; check < checks; check += 1) queue.keepUp(performance.now());
  const checkNs = ((performance.now() - startedAt) / checks) * 1e6;
  await queue.close(0);
  await rm(folder, { recursive: true, force: true });
  return { storeMs, checkNs };
}

process.stdout.write('\nRecords stored at once: milliseconds that a request is held up\n');
const rows: string[][] = [
  ['', 'times', 'median', 'p99', 'longest', 'a check with nothing overdue, ns'],
];
for (const records of [20, 200, 2_500]) {
  const { storeMs, checkNs } = await storedAtOnce(records);
  const sorted = storeMs.toSorted((a, b) => a - b);
  const [p99, longest] = [sorted[Math.floor(sorted.length * 0.99)]!, sorted.at(-1)!];
  rows.push([
    `${records} records`,
    String(storeMs.length),
    ...[median(storeMs), p99, longest].map((ms) => ms.toFixed(2)),
    checkNs.toFixed(0),
  ]);
}
printTable(rows);
