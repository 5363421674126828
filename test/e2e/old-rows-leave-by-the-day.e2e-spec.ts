import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Client } from 'pg';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { logger } from '../../src/provide.js';
import { RequestLogPartitions } from '../../src/request-log/table/partitions.js';
import { RequestLogRetention } from '../../src/request-log/table/retention.js';
import { eventually } from '../support/eventually.js';
import { startHost } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 2, 31, 12);
const KEEP = { retentionDays: 30, rollupRetentionDays: 400 };
const OLDER_THAN_KEPT = ['request_log_20260226', 'request_log_20260227', 'request_log_20260228'];

const daysAgo = (days: number, from = NOON) => new Date(from - days * DAY_MS);

describe('the partitions of the request log', () => {
  let test: TestDatabase;
  let database: Database;
  const clock = { now: NOON };
  const now = () => clock.now;

  beforeEach(async () => {
    clock.now = NOON;
    test = await createTestDatabase();
    database = new Database(createDataSource({ url: test.url }, []), true);
  });
  afterEach(async () => {
    await database.close();
    await test.close();
  });

  const partitions = () => new RequestLogPartitions(database, now);
  const retention = () => new RequestLogRetention(database, partitions(), now);
  const add = (timestamp: Date, count = 1, ingestedAt = timestamp) =>
    test.query(
      `insert into ip_tracking.request_log
         (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, ingested_at)
       select gen_random_uuid(), $1, '198.51.100.7', 'socket', 'GET', '/', 200, 'served', 1, $3
         from generate_series(1, $2::integer)`,
      [timestamp, count, ingestedAt],
    );
  const names = async () => (await partitions().list()).map(({ name }) => name);
  const countIn = async (table: string) =>
    (
      await test.query<{ count: number }>(
        `select count(*)::integer as count from ip_tracking.${table}`,
      )
    )[0]!.count;
  /** A partition for each of the last days, with a row in it. */
  const fill = async (days: number) => {
    for (let day = days; day >= 0; day -= 1) await add(daysAgo(day));
    await partitions().ensure();
    while ((await partitions().emptyDefault()) > 0);
  };

  it('are made eight days ahead, by however many processes', async () => {
    await Promise.all(Array.from({ length: 4 }, () => partitions().ensure()));
    await partitions().ensure();
    expect(await names()).toEqual([
      'request_log_20260331',
      ...[1, 2, 3, 4, 5, 6, 7].map((day) => `request_log_2026040${day}`),
    ]);
  });

  it('have the keys and indexes of the table', async () => {
    await partitions().ensure();
    const indexes = await test.query<{ count: number }>(
      `select count(*)::integer as count from pg_indexes where tablename = 'request_log_20260331'`,
    );
    expect(indexes[0]!.count).toBe(5);
  });

  it('take the rows of today out of the default partition when they are made', async () => {
    await add(daysAgo(0), 5);
    expect(await countIn('request_log_default')).toBe(5);
    await partitions().ensure();
    expect(await countIn('request_log_default')).toBe(0);
    expect(await countIn('request_log_20260331')).toBe(5);
  });

  it('take the rows of a coming day, by a clock that was ahead', async () => {
    await add(daysAgo(-3), 2);
    await partitions().ensure();
    expect(await countIn('request_log_20260403')).toBe(2);
    expect(await countIn('request_log_default')).toBe(0);
  });

  it('empty the default partition of days past, and leave what is far ahead until its time', async () => {
    await partitions().ensure();
    await add(daysAgo(3), 2);
    await add(daysAgo(10), 3);
    await add(daysAgo(-300), 4);
    expect(await partitions().emptyDefault()).toBe(2);
    expect(await countIn('request_log_default')).toBe(4);
    expect(await countIn('request_log_20260328')).toBe(2);
    expect(await countIn('request_log_20260321')).toBe(3);
    expect(await countIn('request_log')).toBe(9);
    clock.now = daysAgo(-299).getTime();
    expect(await partitions().emptyDefault()).toBe(1);
    expect(await countIn('request_log_default')).toBe(0);
  });

  it('do not wait for a reader who takes their time, nor let writers wait behind them', async () => {
    await fill(40);
    const reader = new Client({ connectionString: test.url });
    await reader.connect();
    await reader.query('begin');
    await reader.query('select count(*) from ip_tracking.request_log');
    const pruning = retention().prune(KEEP);
    const started = performance.now();
    await add(daysAgo(0));
    expect(performance.now() - started).toBeLessThan(2_500);
    const { dropped, busy } = await pruning;
    expect(dropped).toEqual([]);
    expect(busy).toHaveLength(10);
    await reader.query('commit');
    await reader.end();
    expect((await retention().prune(KEEP)).dropped).toEqual(busy);
  });

  it('are left alone once one of them is in use, since each try makes writers wait', async () => {
    await fill(33);
    const [oldest = ''] = OLDER_THAN_KEPT;
    const reader = new Client({ connectionString: test.url });
    await reader.connect();
    await reader.query('begin');
    await reader.query(`select count(*) from ip_tracking.${oldest}`);
    const { dropped, busy } = await retention().prune(KEEP);
    await reader.query('commit');
    await reader.end();
    expect({ dropped, busy }).toEqual({ dropped: [], busy: OLDER_THAN_KEPT });
    expect((await retention().prune(KEEP)).dropped).toEqual(busy);
  }, 60_000);

  it('are dropped as whole days once all of a day is old enough', async () => {
    await fill(33);
    const { dropped, keptFrom, busy, deletedRows } = await retention().prune(KEEP);
    expect(keptFrom?.toISOString()).toBe('2026-03-01T00:00:00.000Z');
    expect(dropped).toEqual(OLDER_THAN_KEPT);
    expect({ busy, deletedRows }).toEqual({ busy: [], deletedRows: 0 });
    expect(await countIn('request_log')).toBe(31);
    expect(await retention().prune(KEEP)).toMatchObject({ dropped: [], deletedRows: 0 });
  });

  it('are dropped once, by however many processes', async () => {
    await fill(33);
    const runs = await Promise.all(Array.from({ length: 4 }, () => retention().prune(KEEP)));
    expect(runs.flatMap(({ dropped }) => dropped).toSorted()).toEqual(OLDER_THAN_KEPT);
    expect(await countIn('request_log')).toBe(31);
  });

  it('are left to another process that is at it, from where it was found', async () => {
    await fill(33);
    const another = new Client({ connectionString: test.url });
    await another.connect();
    const atIt = new RequestLogRetention(
      database,
      {
        // Listed twice: for the newest row, and for the days that are due.
        list: async () => {
          const listed = await partitions().list();
          if (listings++ === 1) await another.query('select pg_advisory_lock(7316402522)');
          return listed;
        },
      },
      now,
    );
    let listings = 0;
    expect(await atIt.prune(KEEP)).toMatchObject({ isLeftToAnother: true, dropped: [] });
    expect(await atIt.prune(KEEP)).toMatchObject({ isLeftToAnother: true, keptFrom: null });
    await another.end();
    await eventually(async () => !(await atIt.prune(KEEP)).isLeftToAnother);
    expect(await countIn('request_log')).toBe(31);
  });

  it('are kept for ever where that is asked for', async () => {
    await fill(33);
    const result = await retention().prune({ retentionDays: 0, rollupRetentionDays: 0 });
    expect(result).toMatchObject({ keptFrom: null, dropped: [], deletedRows: 0 });
    expect(await countIn('request_log')).toBe(34);
  });

  it('lose old rows of the default partition, and no others', async () => {
    await partitions().ensure();
    await add(daysAgo(0));
    await add(daysAgo(31), 3);
    await add(daysAgo(29), 2);
    await add(daysAgo(-300));
    expect(await retention().prune(KEEP)).toMatchObject({ deletedRows: 3 });
    expect(await countIn('request_log')).toBe(4);
  });

  it('lose more of them than go at once', async () => {
    await partitions().ensure();
    await add(daysAgo(0));
    await add(daysAgo(31), 50_001);
    expect(await retention().prune(KEEP)).toMatchObject({ deletedRows: 50_001 });
    expect(await countIn('request_log')).toBe(1);
  });

  it('stay with what a clock has written that was 40 days back, for as long as if it had been right', async () => {
    await fill(3);
    await add(daysAgo(40), 3, daysAgo(2));
    await add(daysAgo(41), 2);
    // Still in the default partition.
    expect(await retention().prune(KEEP)).toMatchObject({ deletedRows: 2, late: [] });
    await partitions().emptyDefault();
    expect(await countIn('request_log_20260219')).toBe(3);
    const result = await retention().prune(KEEP);
    expect(result).toMatchObject({ dropped: [], late: ['request_log_20260219'], busy: [] });
    clock.now = daysAgo(-27).getTime();
    clock.now = daysAgo(-27).getTime();
    await partitions().ensure();
    await add(daysAgo(-27));
    await retention().prune(KEEP);
    expect(await countIn('request_log')).toBe(8);
    clock.now = daysAgo(-29).getTime();
    await partitions().ensure();
    await add(daysAgo(-29));
    expect((await retention().prune(KEEP)).dropped).toContain('request_log_20260219');
  });

  it('leave too many rows of a day where they are, and keep no other day from its own', async () => {
    const warn = vi.spyOn(logger, 'warn').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    await add(daysAgo(0), 4);
    await add(daysAgo(2), 4);
    await add(daysAgo(3), 3);
    const few = new RequestLogPartitions(database, now, 3);
    await few.ensure();
    expect(await few.emptyDefault()).toBe(1);
    expect(await few.emptyDefault()).toBe(0);
    expect(await countIn('request_log_default')).toBe(8);
    expect(await names()).toEqual([
      'request_log_20260328',
      ...[1, 2, 3, 4, 5, 6, 7].map((day) => `request_log_2026040${day}`),
    ]);
    expect(few.readyUntil).toBeNull();
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('has more than 3 rows of 2026-03-31: they stay there for')],
      [expect.stringContaining("select ip_tracking.make_partition('2026-03-29', true)")],
    ]);
    await database.query(`select ip_tracking.make_partition('2026-03-29', true)`);
    expect(await countIn('request_log_20260329')).toBe(4);
    for (const [days, deletedRows] of [
      [-29, 0],
      [-31, 4],
    ] as const) {
      clock.now = daysAgo(days).getTime();
      await few.ensure();
      await add(daysAgo(days));
      expect(await retention().prune(KEEP)).toMatchObject({ deletedRows });
    }
    expect(few.readyUntil).toEqual(daysAgo(-38.5));
  });

  it('go on in the next round where the table is in use half-way, and say so', async () => {
    await partitions().ensure();
    for (const day of [3, 4, 5]) await add(daysAgo(day), 2);
    const reader = new Client({ connectionString: test.url });
    await reader.connect();
    const warn = vi.spyOn(logger, 'warn').mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    let transactions = 0;
    const watched = Object.assign(Object.create(database) as Database, {
      transaction: async (...given: Parameters<Database['transaction']>) => {
        transactions += 1;
        if (transactions === 2) {
          await reader.query('begin; lock table ip_tracking.request_log in access share mode');
        }
        return database.transaction(...given);
      },
    });
    expect(await new RequestLogPartitions(watched, now).emptyDefault()).toBe(1);
    expect(warn.mock.calls.join()).toContain(
      'has rows of 3 days; 2 of 3 could not be moved into partitions of their own',
    );
    expect(await countIn('request_log_default')).toBe(4);
    await reader.query('commit');
    await reader.end();
    expect(await partitions().emptyDefault()).toBe(2);
    expect(await countIn('request_log_default')).toBe(0);
  });

  it('survive a clock that runs a year ahead of the rows', async () => {
    await fill(5);
    clock.now = daysAgo(-365).getTime();
    const { keptFrom, dropped } = await retention().prune(KEEP);
    expect(keptFrom?.toISOString()).toBe('2026-03-01T00:00:00.000Z');
    // Those that were made ahead, and are empty.
    expect(dropped.filter((name) => name < 'request_log_202604')).toEqual([]);
    expect(await countIn('request_log')).toBe(6);
  });

  it("survive a clock ahead of PostgreSQL's that has written rows already", async () => {
    const today = Date.now();
    for (let day = 0; day < 3; day += 1) await add(daysAgo(day, today));
    clock.now = today;
    await partitions().ensure();
    await partitions().emptyDefault();
    clock.now = today + 365 * DAY_MS;
    await partitions().ensure();
    await add(new Date(clock.now));
    expect(await retention().prune(KEEP)).toMatchObject({ dropped: [], deletedRows: 0 });
    expect(await countIn('request_log')).toBe(4);
  });

  it('go once they are empty, even if nobody calls any more', async () => {
    await fill(2);
    await test.query(`delete from ip_tracking.request_log where "timestamp" < $1`, [daysAgo(1.5)]);
    clock.now = daysAgo(-40).getTime();
    expect((await retention().prune(KEEP)).dropped).toEqual([
      'request_log_20260329',
      // Made ahead, and never needed.
      'request_log_20260401',
      'request_log_20260402',
      'request_log_20260403',
      'request_log_20260404',
      'request_log_20260405',
      'request_log_20260406',
      'request_log_20260407',
    ]);
    expect(await countIn('request_log')).toBe(2);
  });

  it('are looked after by the app, with the hours that are over', async () => {
    await add(daysAgo(40, Date.now()), 2);
    await test.query(`update ip_tracking.request_log set ingested_at = "timestamp"`);
    await add(daysAgo(0, Date.now()));
    const host = await startHost({ adapter: 'fastify', database: test });
    await eventually(async () => (await countIn('request_log')) === 1);
    expect(await test.query('select requests, addresses from ip_tracking.request_rollup')).toEqual([
      { requests: '2', addresses: '1' },
    ]);
    await host.close();
  });
});
