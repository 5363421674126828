import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { DetectionService, IpTrackingModule } from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

interface Traffic {
  ip: string | null;
  count?: number;
  path?: string;
  sensitive?: boolean;
  outcome?: string;
  ruleId?: number | null;
  /** How long ago, in minutes. */
  ago?: number;
  ingestedAgo?: number;
}

describe('the scan', () => {
  let database: TestDatabase;
  let app: INestApplicationContext;
  let scan: DetectionService;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [
          IpTrackingModule.forRoot({
            database: { url: database.url },
            geo: false,
            detection: { cron: false },
          }),
        ],
      },
      { logger: false, abortOnError: false },
    );
    scan = app.get(DetectionService);
  });
  afterAll(async () => {
    await app.close();
    await database.close();
  });
  beforeEach(async () => {
    await database.query(
      'truncate ip_tracking.request_log, ip_tracking.suspicious_ip, ip_tracking.job_run',
    );
  });

  const log = ({
    ip,
    count = 1,
    path = '/x',
    sensitive = false,
    outcome = 'served',
    ruleId = null,
    ago = 1,
    ingestedAgo = ago,
  }: Traffic) =>
    database.query(
      `insert into ip_tracking.request_log
         (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, sensitive, rule_id, ingested_at)
       select gen_random_uuid(), now() - make_interval(secs => $7::float8 * 60), $1::inet, 'socket', 'GET', $2, 200, $3, 1, $4,
              $5::int, now() - make_interval(secs => $8::float8 * 60)
         from generate_series(1, $6::int)`,
      [ip, path, outcome, sensitive, ruleId, count, ago, ingestedAgo],
    );

  const flagged = async () =>
    (await scan.scan()).findings.map(({ ipAddress, detector, isNew }) => ({
      ipAddress,
      detector,
      isNew,
    }));

  it('flags an address with more than 100 requests in the hour, and none with 100', async () => {
    await log({ ip: '198.51.100.1', count: 101 });
    await log({ ip: '198.51.100.2', count: 100 });
    const { findings } = await scan.scan();
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      ipAddress: '198.51.100.1',
      detector: 'request-volume',
      reason: '101 requests within an hour, more than 100',
      evidence: { requests: 101, limit: 100 },
    });
  });

  it('flags whoever hit a sensitive path, with the paths as evidence', async () => {
    await log({ ip: '198.51.100.1', path: '/wp-login.php', sensitive: true, count: 3 });
    await log({ ip: '198.51.100.1', path: '/admin', sensitive: true });
    await log({ ip: '198.51.100.2', path: '/administrator' });
    const { findings } = await scan.scan();
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      ipAddress: '198.51.100.1',
      detector: 'sensitive-path',
      reason: '4 requests to sensitive paths: /wp-login.php and 1 more',
      evidence: {
        requests: 4,
        paths: [
          { path: '/wp-login.php', requests: 3 },
          { path: '/admin', requests: 1 },
        ],
      },
    });
  });

  it('flags nobody twice: a second run updates what the first has found', async () => {
    await log({ ip: '198.51.100.1', count: 150, sensitive: true });
    expect(await flagged()).toEqual([
      { ipAddress: '198.51.100.1', detector: 'request-volume', isNew: true },
      { ipAddress: '198.51.100.1', detector: 'sensitive-path', isNew: true },
    ]);
    await log({ ip: '198.51.100.1', count: 10 });
    expect((await flagged()).map(({ isNew }) => isNew)).toEqual([false, false]);
    const rows = await database.query(
      `select evidence->>'requests' as requests, flagged_at < updated_at as "wasFlaggedBefore"
         from ip_tracking.suspicious_ip where detector = 'request-volume'`,
    );
    expect(rows).toEqual([{ requests: '160', wasFlaggedBefore: true }]);
  });

  it('hands back 10,000 findings at most, and stores and updates all there are', async () => {
    await database.query(
      `insert into ip_tracking.request_log
         (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, sensitive, ingested_at)
       select gen_random_uuid(), now() - interval '1 minute', '10.0.0.0'::inet + n, 'socket', 'GET', '/admin', 200, 'served', 1,
              true, now() from generate_series(1, 10500) as n`,
    );
    for (const isNew of [true, false]) {
      const { findings } = await scan.scan();
      expect(findings).toHaveLength(10_000);
      expect(findings.every((one) => one.isNew === isNew)).toBe(true);
      const [stored] = await database.query(
        `select count(*) as all, count(distinct updated_at) as times, count(*) filter (where updated_at > flagged_at) as again
           from ip_tracking.suspicious_ip where evidence->>'requests' = '1'`,
      );
      expect(stored).toEqual({ all: '10500', times: '1', again: isNew ? '0' : '10500' });
    }
  });

  it('leaves out what a stored block rule refused, and nothing else', async () => {
    await log({ ip: '198.51.100.1', count: 500, outcome: 'blocked', ruleId: 7 });
    await log({ ip: '198.51.100.2', count: 101, outcome: 'blocked', sensitive: true });
    await log({ ip: '198.51.100.3', count: 101, outcome: 'refused' });
    await log({ ip: '198.51.100.4', count: 101, outcome: 'throttled' });
    await log({ ip: '198.51.100.5', count: 101, outcome: 'served', ruleId: 8 });
    await log({ ip: '198.51.100.6', count: 101, outcome: 'unmatched' });
    await log({ ip: null, count: 101 });
    const found = new Set((await flagged()).map(({ ipAddress }) => ipAddress));
    expect([...found].sort()).toEqual([2, 3, 4, 5, 6].map((host) => `198.51.100.${host}`));
  });

  it('counts an IPv6 client by its /64', async () => {
    for (let host = 1; host <= 101; host += 1) {
      await log({ ip: `2001:db8:0:7::${host.toString(16)}` });
    }
    await log({ ip: '2001:db8:0:8::1', count: 60 });
    await log({ ip: '2001:db8:0:9::1', count: 60 });
    expect(await flagged()).toEqual([
      { ipAddress: '2001:db8:0:7::/64', detector: 'request-volume', isNew: true },
    ]);
  });

  it('looks at the last hour only', async () => {
    await log({ ip: '198.51.100.1', count: 90, ago: 61 });
    await log({ ip: '198.51.100.1', count: 90, ago: 30 });
    expect(await flagged()).toEqual([]);
  });

  it('judges rows that came late, after an outage, by the hour of their requests', async () => {
    await log({ ip: '198.51.100.1', count: 101, ago: 300, ingestedAgo: 1 });
    // A trickle over many hours that arrives at once is no flood.
    for (let hour = 1; hour <= 10; hour += 1) {
      await log({ ip: '198.51.100.2', count: 20, ago: hour * 60 + 30, ingestedAgo: 1 });
    }
    expect(await flagged()).toEqual([
      { ipAddress: '198.51.100.1', detector: 'request-volume', isNew: true },
    ]);
  });

  it('is run by one process an hour, however many there are', async () => {
    await log({ ip: '198.51.100.1', count: 150, ago: 30, ingestedAgo: 90 });
    const results = await Promise.all(Array.from({ length: 5 }, () => scan.scanOnce()));
    expect(results.filter((result) => result !== null)).toHaveLength(1);
    expect(await scan.scanOnce()).toBeNull();
  });

  it('says which findings are stored, the latest first', async () => {
    await log({ ip: '198.51.100.1', count: 150 });
    await scan.scan();
    await log({ ip: '198.51.100.2', count: 1, path: '/login', sensitive: true });
    await scan.scan();
    expect((await scan.findings()).map(({ ipAddress }) => ipAddress)).toEqual([
      '198.51.100.1',
      '198.51.100.2',
    ]);
  });
});
