import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { detectionSettings } from '../../src/detection/detection.options.js';
import { DetectionService } from '../../src/detection/detection.service.js';
import type { Detector } from '../../src/detection/detector.js';
import { bitsOf, type SignalName } from '../../src/signals/signal.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const OF_USERS: Detector = {
  name: 'failing-user',
  of: 'user',
  weight: 10,
  rules: [{ counts: { any: ['auth-failure'] }, atLeast: 1, windowMs: HOUR_MS }],
  words: () => ({ reason: 'failed' }),
};

let database: TestDatabase;
let connection: Database;
/** So long ago that PostgreSQL's clock is ahead of all that happens. */
const base = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 40 * DAY_MS;
let nowMs = base;
let service: DetectionService;

beforeAll(async () => {
  database = await createTestDatabase();
  connection = new Database(createDataSource({ url: database.url }, []), true);
  service = new DetectionService({
    claims: null,
    facts: { coordinatesOf: () => null },
    database: connection,
    detectors: [...detectionSettings({}).detectors, OF_USERS],
    retentionDays: 0,
    now: () => nowMs,
  });
});
afterAll(async () => {
  await connection.close();
  await database.close();
});

const log = (ip: string, atMs: number, signals: SignalName[], user: string | null = null) =>
  database.query(
    `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us,
            signals, user_id)
     values (gen_random_uuid(), $2, $1::inet, 'socket', 'GET', '/x', 404, 'unmatched', 0, $3, $4)`,
    [ip, new Date(atMs), bitsOf(signals), user],
  );
const scoresOf = async (subject: string): Promise<number[]> =>
  (await service.findings())
    .filter((finding) => finding.subject === subject)
    .map(({ score }) => Math.round(score * 10) / 10);

it('a score is the weights of all findings, each fading to nothing over 30 days since it was seen last', async () => {
  const ip = '203.0.113.1';
  await log(ip, base - 1_000, ['probe:secrets']);
  await service.scan();
  nowMs = base - 1_000;
  expect(await scoresOf(ip)).toEqual([40]);
  nowMs = base - 1_000 + 15 * DAY_MS;
  expect(await scoresOf(ip)).toEqual([20]);
  await log(ip, nowMs - 1_000, ['payload:jndi']);
  await service.scan();
  const [score] = await scoresOf(ip);
  expect(score).toBeGreaterThan(50);
  expect(score).toBeLessThanOrEqual(60);
  nowMs = base + 31 * DAY_MS;
  const [later] = await scoresOf(ip);
  expect(later).toBeLessThan(20);
  nowMs = base + 60 * DAY_MS;
  expect(await scoresOf(ip)).toEqual([0, 0]);
});

it('a finding of a user or a route has no address, and one of an IPv6 client its /64', async () => {
  nowMs = base;
  await log('2001:db8:1:2:3::4', base - 1_000, ['probe:secrets', 'auth-failure'], 'ada');
  await service.scan();
  const rows = await database.query(
    `select subject_kind as kind, subject, ip_address::text as address from ip_tracking.suspicious_ip
      where detector in ('failing-user', 'probe-path') and subject in ('ada', '2001:db8:1:2::/64') order by 1`,
  );
  expect(rows).toEqual([
    { kind: 'client', subject: '2001:db8:1:2::/64', address: '2001:db8:1:2::/64' },
    { kind: 'user', subject: 'ada', address: null },
  ]);
});

it('what is settled stays settled while the same evidence is scanned again, also by a later hour', async () => {
  nowMs = base;
  await log('203.0.113.3', base - 1_000, ['probe:secrets']);
  await service.scan();
  expect(await service.resolve('203.0.113.3', { by: 'ada', note: 'a test of ours' })).toBe(1);
  nowMs = base + 0.5 * HOUR_MS;
  await service.scan();
  expect(await scoresOf('203.0.113.3')).toEqual([0]);
  await log('203.0.113.3', nowMs + 1_000, ['probe:secrets']);
  nowMs += 10_000;
  await service.scan();
  const [again] = (await service.findings()).filter(({ subject }) => subject === '203.0.113.3');
  expect(again).toMatchObject({
    resolvedAt: null,
    note: 'a test of ours',
    evidence: { count: 1 },
  });
});
