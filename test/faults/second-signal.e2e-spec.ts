import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blackHoleProxy } from '../support/black-hole-proxy.js';
import { eventually } from '../support/eventually.js';
import { send } from '../support/http.js';
import type { TestDatabase } from '../support/postgres.js';
import { Drill } from './drill.js';
import type { DrillApp } from './drill-app.js';
import { drained } from './identity.js';
import { ServerPool } from './server-pool.js';

/** A second signal within this time is taken for the first one, sent on by npm for instance. */
const SAME_SIGNAL_MS = 500;
const REQUESTS = 50;

const servers = new ServerPool();
let drill: Drill;
let database: TestDatabase;

beforeEach(async () => {
  drill = new Drill(servers, false);
  database = await drill.database();
});
afterEach(() => drill.end());

/** Answers some requests, and waits until their records are in the spool, if there is one. */
async function answerSome(app: DrillApp): Promise<void> {
  for (let id = 0; id < REQUESTS; id += 1) await send(app.url, `/r${id}`);
  await eventually(async () => {
    const { enqueued, spooledBytes, spool } = await app.stats();
    return enqueued === REQUESTS && (spool === 'off' || spooledBytes > 100 * REQUESTS);
  });
}

/** Every row of the log is kept waiting by somebody who reads it, and nobody is told. */
async function lockTable(): Promise<Client> {
  const holder = new Client({ connectionString: database.url });
  holder.on('error', () => {});
  await holder.connect();
  drill.onEnd(() => holder.end());
  await holder.query('begin; lock table ip_tracking.request_log in access exclusive mode');
  return holder;
}

const rows = async () =>
  (await database.query<{ path: string }>('select path from ip_tracking.request_log')).length;

async function endsWithin(app: DrillApp, ms: number): Promise<void> {
  const startedAt = performance.now();
  const { signal } = await app.exited;
  expect(signal).toBe('SIGTERM');
  expect(performance.now() - startedAt).toBeLessThan(ms);
  expect(app.unhandled).toEqual([]);
}

describe('a second signal', () => {
  it('ends the process at once, and what was spooled is delivered by the next', async () => {
    const stateDir = drill.folder();
    const app = await drill.app({ databaseUrl: database.url, stateDir });
    const holder = await lockTable();
    await answerSome(app);
    app.signal('SIGTERM');
    await sleep(SAME_SIGNAL_MS + 200);
    // It waits for the table, and would for five seconds.
    expect(await Promise.race([app.exited, Promise.resolve('runs')])).toBe('runs');
    app.signal('SIGTERM');
    await endsWithin(app, 1_000);
    expect(app.log).not.toContain('are lost');
    await holder.query('commit');
    const next = await drill.app({ databaseUrl: database.url, stateDir });
    await eventually(async () => (await next.stats()).adopted === REQUESTS, { withinMs: 10_000 });
    await drained([next]);
    expect(await rows()).toBe(REQUESTS);
  });

  it('ends it at once without a spool, too, and says what that has cost', async () => {
    const app = await drill.app({
      databaseUrl: database.url,
      stateDir: drill.folder(),
      requestLog: { spool: false },
    });
    await lockTable();
    await answerSome(app);
    app.signal('SIGINT');
    await sleep(SAME_SIGNAL_MS + 200);
    app.signal('SIGTERM');
    const { signal } = await app.exited;
    expect(signal).toBe('SIGINT');
    expect(app.log).toContain(`${REQUESTS} records of the request log could not be written`);
  });

  it('is the first one, where it comes as soon as that', async () => {
    const app = await drill.app({
      databaseUrl: database.url,
      stateDir: drill.folder(),
      requestLog: { spool: false },
    });
    const holder = await lockTable();
    await answerSome(app);
    app.signal('SIGTERM');
    app.signal('SIGTERM');
    await sleep(SAME_SIGNAL_MS);
    await holder.query('commit');
    await endsWithin(app, 5_000);
    expect(await rows()).toBe(REQUESTS);
  });
});

describe('a network that swallows everything, goodbyes included', () => {
  it('holds up nobody who leaves for longer than the shutdown may take', async () => {
    const url = new URL(database.url);
    const proxy = await blackHoleProxy(Number(url.port));
    drill.onEnd(() => proxy.stop());
    url.port = String(proxy.port);
    const app = await drill.app({ databaseUrl: url.href, stateDir: drill.folder() });
    await send(app.url, '/before');
    await eventually(async () => (await app.stats()).written === 1);
    proxy.isSwallowing = true;
    for (let id = 0; id < 5; id += 1) await send(app.url, `/s${id}`);
    app.signal('SIGTERM');
    const startedAt = performance.now();
    await app.exited;
    // The flush, and a moment for each of those who say goodbye.
    expect(performance.now() - startedAt).toBeLessThan(5_000 + 2 * 2_000 + 1_000);
    expect(app.unhandled).toEqual([]);
  });
});
