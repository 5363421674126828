/**
 * What clients feel of a log that cannot be written: the time to an answer at a steady rate while all is well, with
 * 100,000 records that wait because the table is locked, and while those are written. And what a burst takes of memory:
 * 10,000 requests at once, each on a connection of its own, beside the bare app.
 *
 *   npm run bench -- backlog [seconds] [rounds] [requests per second] [express|fastify]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';
import { BenchServer, leaveProcessorToApp } from './support/server.js';

const SECONDS = Number(process.argv[2] ?? 5);
const ROUNDS = Number(process.argv[3] ?? 5);
const RATE = Number(process.argv[4] ?? 2_000);
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
  await server.load(2, from);
  return server;
}

process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${RATE} requests/s for ${SECONDS} s, ${ROUNDS} rounds\n`,
);
for (const adapter of ADAPTERS) {
  for (const list of Object.values(phases)) list.length = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = await mkdtemp(join(tmpdir(), 'ipt-backlog-'));
    const server = await start(adapter, 'module', join(folder, 'state'));
    phases['nothing waits'].push(await server.latency(SECONDS, RATE, from));
    await lock();
    await server.send(BACKLOG, 64, from);
    phases['100,000 wait'].push(await server.latency(SECONDS, RATE, from));
    const locked = server.latency(SECONDS, RATE, from);
    await locker.query('commit');
    phases['they are written'].push(await locked);
    await server.stop();
    if ((await rowsStored()) < BACKLOG) throw new Error('not all of it was written');
    await locker.query('truncate ip_tracking.request_log');
    await rm(folder, { recursive: true, force: true });
  }
  process.stdout.write(`\n${adapter}: milliseconds to an answer\n`);
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
