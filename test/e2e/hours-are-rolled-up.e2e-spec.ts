import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { RequestLogPartitions } from '../../src/request-log/table/partitions.js';
import { RequestLogRetention } from '../../src/request-log/table/retention.js';
import { RequestRollup } from '../../src/request-log/table/rollup.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 2, 31, 12);

interface Row {
  at: string;
  ip?: string | null;
  country?: string | null;
  outcome?: string;
  sensitive?: boolean;
  ingested?: string;
}

describe('the rollup', () => {
  let test: TestDatabase;
  let database: Database;
  const clock = { now: NOON };
  const now = () => clock.now;

  beforeEach(async () => {
    clock.now = NOON + 10 * MINUTE_MS;
    test = await createTestDatabase();
    database = new Database(createDataSource({ url: test.url }, []), true);
  });
  afterEach(async () => {
    await database.close();
    await test.close();
  });

  const rollup = () => new RequestRollup(database, now);
  const log = ({ at, ip = '198.51.100.1', country = 'DE', ...row }: Row) =>
    test.query(
      `insert into ip_tracking.request_log
         (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, country, sensitive, ingested_at)
       values (gen_random_uuid(), $1, $2, 'socket', 'GET', '/', 200, $3, 1, $4, $5, $6)`,
      [
        timeOf(at),
        ip,
        row.outcome ?? 'served',
        country,
        row.sensitive ?? false,
        timeOf(row.ingested ?? at),
      ],
    );
  const timeOf = (at: string) => (at.includes('T') ? at : `2026-03-31T${at}:00Z`);
  const figures = async () =>
    (
      await test.query(
        `select to_char(hour at time zone 'UTC', 'MM-DD HH24') as hour, country, outcome, sensitive,
                requests::integer, addresses::integer
           from ip_tracking.request_rollup
          order by request_rollup.hour, country nulls first, outcome, sensitive`,
      )
    ).map((row) => Object.values(row).join(' '));

  it('counts requests and addresses by hour, country, outcome and sensitivity', async () => {
    await log({ at: '10:00' });
    await log({ at: '10:59' });
    await log({ at: '10:30', ip: '198.51.100.2' });
    await log({ at: '10:30', ip: null, country: null });
    await log({ at: '10:30', ip: '198.51.100.2', country: null });
    await log({ at: '10:30', outcome: 'blocked' });
    await log({ at: '10:30', sensitive: true });
    await log({ at: '11:00' });
    expect(await rollup().run()).toBe(2);
    expect(await figures()).toEqual([
      '03-31 10  served false 2 1',
      '03-31 10 DE blocked false 1 1',
      '03-31 10 DE served false 3 2',
      '03-31 10 DE served true 1 1',
      '03-31 11 DE served false 1 1',
    ]);
  });

  it('leaves an hour alone until it is over', async () => {
    await log({ at: '11:59' });
    await log({ at: '12:05' });
    await rollup().run();
    expect(await figures()).toEqual(['03-31 11 DE served false 1 1']);
    await log({ at: '12:45' });
    clock.now = NOON + 65 * MINUTE_MS;
    await rollup().run();
    expect(await figures()).toEqual([
      '03-31 11 DE served false 1 1',
      '03-31 12 DE served false 2 1',
    ]);
  });

  it('waits a moment for the last rows of an hour', async () => {
    await log({ at: '11:30' });
    clock.now = NOON + MINUTE_MS;
    expect(await rollup().run()).toBe(0);
    clock.now = NOON + 3 * MINUTE_MS;
    expect(await rollup().run()).toBe(1);
  });

  it('may be repeated, by however many processes', async () => {
    await log({ at: '10:00' });
    await log({ at: '11:00', outcome: 'throttled' });
    await Promise.all(Array.from({ length: 4 }, () => rollup().run()));
    await rollup().run();
    expect(await figures()).toEqual([
      '03-31 10 DE served false 1 1',
      '03-31 11 DE throttled false 1 1',
    ]);
  });

  it('counts an hour anew when rows of it arrive late', async () => {
    await log({ at: '08:00' });
    await log({ at: '05:00' });
    await rollup().run();
    await log({ at: '08:30', ip: '198.51.100.2', ingested: '14:20' });
    await log({ at: '2026-03-29T03:00:00Z', ingested: '14:20' });
    clock.now = NOON + 150 * MINUTE_MS;
    expect(await rollup().run()).toBe(2);
    expect(await figures()).toEqual([
      '03-29 03 DE served false 1 1',
      '03-31 05 DE served false 1 1',
      '03-31 08 DE served false 2 2',
    ]);
  });

  it('looks at new rows only', async () => {
    await log({ at: '05:00' });
    expect(await rollup().run()).toBe(1);
    clock.now = NOON + 70 * MINUTE_MS;
    expect(await rollup().run()).toBe(0);
  });

  it('outlives the rows, even if one of a dropped day comes late', async () => {
    const partitions = new RequestLogPartitions(database, now);
    const retention = new RequestLogRetention(database, partitions, now);
    await log({ at: '2026-02-20T05:10:00Z' });
    await log({ at: '2026-02-20T05:20:00Z' });
    await log({ at: '11:00' });
    await partitions.ensure();
    await partitions.emptyDefault();
    await rollup().run();
    const days = { retentionDays: 30, rollupRetentionDays: 400 };
    expect((await retention.prune(days)).dropped).toEqual(['request_log_20260220']);
    await log({ at: '2026-02-20T05:30:00Z', ingested: '12:50' });
    clock.now = NOON + 70 * MINUTE_MS;
    await rollup().run();
    await retention.prune(days);
    expect(await figures()).toEqual([
      '02-20 05 DE served false 2 1',
      '03-31 11 DE served false 1 1',
    ]);
  });

  it('is kept as long as it is asked for', async () => {
    const retention = new RequestLogRetention(database, { list: async () => [] }, now);
    await log({ at: '2026-01-01T05:00:00Z' });
    await log({ at: '11:00' });
    await rollup().run();
    const kept = { retentionDays: 0, rollupRetentionDays: 0 };
    expect(await retention.prune(kept)).toMatchObject({ deletedFigures: 0 });
    clock.now = NOON + DAY_MS;
    const { deletedFigures } = await retention.prune({ ...kept, rollupRetentionDays: 60 });
    expect(deletedFigures).toBe(1);
    expect(await figures()).toEqual(['03-31 11 DE served false 1 1']);
  });
});
