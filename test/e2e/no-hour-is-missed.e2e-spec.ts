import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { DetectionService } from '../../src/detection/detection.service.js';
import { detectionSettings } from '../../src/detection/detection.options.js';
import { logger } from '../../src/provide.js';
import { bitsOf, type SignalName } from '../../src/signals/signal.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('the scan of every hour', () => {
  let database: TestDatabase;
  let connection: Database;
  /** The beginning of an hour that is long over, so that PostgreSQL's clock is ahead of all that happens. */
  const base = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * DAY_MS;
  let nowMs = base;
  const said: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    connection = new Database(createDataSource({ url: database.url }, []), true);
  });
  afterAll(async () => {
    await connection.close();
    await database.close();
  });
  beforeEach(async () => {
    await database.query(
      'truncate ip_tracking.request_log, ip_tracking.suspicious_ip, ip_tracking.job_run',
    );
    nowMs = base;
    said.length = 0;
    vi.spyOn(logger, 'warn').mockImplementation(
      (message: unknown) => void said.push(String(message)),
    );
  });
  afterEach(() => vi.restoreAllMocks());

  const service = (detectors = detectionSettings({}).detectors): DetectionService =>
    new DetectionService({
      claims: null,
      facts: { coordinatesOf: () => null },
      database: connection,
      detectors,
      retentionDays: 30,
      now: () => nowMs,
    });

  const log = (
    ip: string,
    atMs: number,
    signals: SignalName[],
    { count = 1, everyMs = 0, path = '/x' } = {},
    client: { query(sql: string, values?: unknown[]): Promise<unknown> } = database,
  ) =>
    client.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome,
              duration_us, signals, ingested_at)
       select gen_random_uuid(), at, $1::inet, 'socket', 'GET', $4 || case when $6 then n::text else '' end, 404, 'unmatched', 0, $3, at
         from generate_series(0, $5::int - 1) as n, lateral (select $2::timestamptz + n * make_interval(secs => $7) as at) as t`,
      [ip, new Date(atMs), bitsOf(signals), path, count, count > 1, everyMs / 1_000],
    );

  const findings = async () =>
    (
      await database.query<{ subject: string; detector: string; count: number }>(
        `select subject, detector, (evidence->>'count')::integer as count from ip_tracking.suspicious_ip order by 1, 2`,
      )
    ).map(({ subject, detector, count }) => [subject, detector, count]);

  it('judges the hours that nobody has judged, one by one, and says so', async () => {
    const scans = service();
    await scans.scanOnce();
    await log('203.0.113.1', base + 0.5 * HOUR_MS, ['probe:secrets']);
    await log('203.0.113.2', base + 30.5 * HOUR_MS, ['probe:secrets']);
    nowMs = base + 49 * HOUR_MS;
    const result = await scans.scanOnce();
    expect(result?.hours).toBeGreaterThanOrEqual(49);
    expect(said).toEqual(['49 hours of the log have not been scanned: they are, one by one, now']);
    expect(await findings()).toEqual([
      ['203.0.113.1', 'probe-path', 1],
      ['203.0.113.2', 'probe-path', 1],
    ]);
    expect(await scans.scanOnce()).toBeNull();
  });

  it('goes back no further than seven days', async () => {
    nowMs = base - 20 * DAY_MS;
    await service().scanOnce();
    nowMs = base - 10 * DAY_MS;
    const result = await service([]).scanOnce();
    expect(result?.hours).toBe(168);
    expect(said[0]).toBe(
      'no scan of the log has been made for more than 7 days: the oldest 72 hours are left out',
    );
  });

  it('finds what reaches over the end of an hour', async () => {
    const scans = service();
    nowMs = base;
    await scans.scanOnce();
    await log('203.0.113.1', base + HOUR_MS - 5_000, [], { count: 70, everyMs: 100 });
    await log('203.0.113.2', base + 0.9 * HOUR_MS, ['unmatched'], {
      count: 12,
      everyMs: 0.02 * HOUR_MS,
    });
    nowMs = base + 2 * HOUR_MS;
    await scans.scanOnce();
    expect(await findings()).toEqual([
      ['203.0.113.1', 'burst', 70],
      ['203.0.113.2', 'not-found', 12],
    ]);
  });

  it("the ban's own 403s renew the ban: they never count, over the hour's boundary either", async () => {
    const scans = service();
    await scans.scanOnce();
    const refused = (ip: string, refusal: string) =>
      database.query(
        `with refused as (update ip_tracking.request_log set outcome = $2, status = 403, reason = 'rule' where ip_address = $1::inet
                           returning 1)
         select count(*)::int as count from refused`,
        [ip, refusal],
      );
    // Each of these alone is one short of what is found, and goes on beyond the hour while it is refused.
    await log('203.0.113.1', base + HOUR_MS - 5_000, [], { count: 140, everyMs: 60 });
    await log('203.0.113.2', base + HOUR_MS - 600_000, ['unmatched'], {
      count: 40,
      everyMs: 30_000,
    });
    await log('203.0.113.3', base + HOUR_MS - 600_000, ['auth-failure'], {
      count: 40,
      everyMs: 30_000,
    });
    await log('203.0.113.4', base + HOUR_MS - 1_000, ['probe:secrets'], {
      count: 5,
      everyMs: 1_000,
    });
    await refused('203.0.113.1', 'blocked');
    await refused('203.0.113.2', 'throttled');
    await refused('203.0.113.3', 'blocked');
    await refused('203.0.113.4', 'blocked');
    await log('203.0.113.1', base + HOUR_MS - 5_500, [], { count: 59 });
    await log('203.0.113.2', base + HOUR_MS - 601_000, ['unmatched'], { count: 9 });
    await log('203.0.113.3', base + HOUR_MS - 601_000, ['auth-failure'], { count: 9 });
    nowMs = base + 3 * HOUR_MS;
    expect((await scans.scanOnce())?.hours).toBe(3);
    expect(await findings()).toEqual([]);
  });

  it('sign-ups of their own whiten a guesser: only who then succeeded takes anything back', async () => {
    const scans = service();
    await scans.scanOnce();
    const signIns = (ip: string, atMs: number, signal: SignalName, user: string, count = 1) =>
      database.query(
        `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome,
                duration_us, signals, attempted_user, ingested_at)
         select gen_random_uuid(), $2, $1::inet, 'socket', 'POST', '/login', 401, 'served', 0, $3,
                decode(md5($4 || case when $5 > 1 then n::text else '' end), 'hex'), $2
           from generate_series(1, $5::int) as n`,
        [ip, new Date(atMs), bitsOf([signal]), user, count],
      );
    await signIns('203.0.113.5', base + 600_000, 'auth-failure', 'victim', 20);
    for (let at = 0; at < 5; at += 1) {
      await signIns('203.0.113.5', base + 600_000 + at * 60_000, 'auth-success', 'theirs');
    }
    // In an office everybody comes in at last.
    await signIns('203.0.113.6', base + 600_000, 'auth-failure', 'colleague', 20);
    await signIns('203.0.113.6', base + 660_000, 'auth-success', 'colleague', 20);
    nowMs = base + 2 * HOUR_MS;
    await scans.scanOnce();
    const stored = await database.query(
      `select subject, weight, reason from ip_tracking.suspicious_ip where detector = 'auth-failures' order by 1`,
    );
    expect(stored).toEqual([
      {
        subject: '203.0.113.5',
        weight: 40,
        reason: '20 failed attempts to sign in within an hour, for users who did not then succeed',
      },
      {
        subject: '203.0.113.6',
        weight: 20,
        reason: '20 failed attempts to sign in within an hour',
      },
    ]);
  });

  it('sees a row whose COPY was held over the hour, once', async () => {
    const scans = service();
    nowMs = Date.now();
    await scans.scanOnce();
    const writer = new Client({ connectionString: database.url });
    await writer.connect();
    await writer.query('begin');
    await writer.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, signals)
       values (gen_random_uuid(), now(), '203.0.113.9', 'socket', 'GET', '/.env', 404, 'unmatched', 0, $1)`,
      [bitsOf(['probe:secrets'])],
    );
    nowMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS + HOUR_MS;
    expect((await scans.scanOnce())?.hours).toBe(1);
    expect(await findings()).toEqual([]);
    await writer.query('commit');
    await writer.end();
    // Its transaction is the only one that had begun so early: a moment later all is settled.
    await database.query(
      `update ip_tracking.request_log set ingested_at = ingested_at - interval '6 seconds'`,
    );
    await database.query(
      `update ip_tracking.job_run set slot = slot - interval '6 seconds' where name = 'detection-arrivals'`,
    );
    const late = await scans.scanOnce();
    expect(late?.hours).toBe(1);
    expect(await findings()).toEqual([['203.0.113.9', 'probe-path', 1]]);
    expect(await scans.scanOnce()).toBeNull();
  });

  it('judges late rows once, and those of days that are let go of never', async () => {
    const scans = service();
    nowMs = base;
    await scans.scanOnce();
    nowMs = base + 3 * HOUR_MS;
    await scans.scanOnce();
    await log('203.0.113.1', base + 0.5 * HOUR_MS, ['probe:secrets']);
    await log('203.0.113.2', base - 400 * DAY_MS, ['probe:secrets']);
    await database.query(`update ip_tracking.request_log set ingested_at = $1`, [
      new Date(base + 3.5 * HOUR_MS),
    ]);
    nowMs = base + 4 * HOUR_MS;
    expect((await scans.scanOnce())?.hours).toBe(3);
    expect(await findings()).toEqual([['203.0.113.1', 'probe-path', 1]]);
    expect(await scans.scanOnce()).toBeNull();
  });

  it('is gone on with by the next process where one dies half-way', async () => {
    await service().scanOnce();
    for (let hour = 0; hour < 6; hour += 1) {
      await log(`203.0.113.${hour}`, base + (hour + 0.5) * HOUR_MS, ['probe:secrets']);
    }
    nowMs = base + 6 * HOUR_MS;
    const [probe] = detectionSettings({}).detectors.filter(({ name }) => name === 'probe-path');
    let hours = 0;
    const dying = service([
      probe!,
      {
        name: 'dies',
        of: 'client',
        weight: 0,
        query: () => {
          hours += 1;
          if (hours === 3) throw new Error('killed');
          return { sql: 'select 1 as x', values: [] };
        },
        judge: () => [],
      },
    ]);
    await expect(dying.scanOnce()).rejects.toThrow('killed');
    expect(await findings()).toHaveLength(2);
    const next = await service().scanOnce();
    expect(next?.hours).toBeGreaterThanOrEqual(4);
    expect(await findings()).toHaveLength(6);
  });

  it('is one process of many', async () => {
    await service([]).scanOnce();
    nowMs = base + 5 * HOUR_MS;
    const results = await Promise.all(Array.from({ length: 4 }, () => service([]).scanOnce()));
    const hours = results.reduce((sum, result) => sum + (result?.hours ?? 0), 0);
    expect(hours).toBe(5);
  });

  it('reads the log once for all clients, however many hit a sensitive path', async () => {
    await database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome,
              duration_us, sensitive, ingested_at)
       select gen_random_uuid(), $1::timestamptz + n * interval '10 milliseconds',
              ('2001:db8:' || to_hex(n % 5000) || '::1')::inet, 'socket', 'POST', '/login', 200, 'served', 0, true,
              $1::timestamptz + n * interval '10 milliseconds'
         from generate_series(1, 100000) as n`,
      [new Date(base)],
    );
    await service().scanOnce();
    nowMs = base + HOUR_MS;
    const started = await database.query<{ at: Date }>('select clock_timestamp() as at');
    const result = await service().scanOnce();
    expect(result?.findings).toHaveLength(5_000);
    expect(started).toHaveLength(1);
  });

  it('holds as many findings as an hour can have', async () => {
    await database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome,
              duration_us, signals, ingested_at)
       select gen_random_uuid(), $1::timestamptz + n * interval '10 milliseconds', '10.0.0.0'::inet + n, 'socket', 'GET', '/.env',
              404, 'unmatched', 0, $2, $1::timestamptz + n * interval '10 milliseconds'
         from generate_series(1, 60000) as n`,
      [new Date(base), bitsOf(['probe:secrets', 'unmatched'])],
    );
    await service().scanOnce();
    nowMs = base + HOUR_MS;
    const result = await service().scanOnce();
    expect(result?.findings).toHaveLength(10_000);
    const [row] = await database.query<{ count: string }>(
      'select count(*) from ip_tracking.suspicious_ip',
    );
    expect(row?.count).toBe('60000');
  });
});
