import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { DetectionService } from '../../src/detection/detection.service.js';
import { tunedDetectors } from '../../src/detection/tuned-detectors.js';
import { runCli } from '../support/cli.js';
import { combinedLine, LOG_START_MS } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const DETECTORS = tunedDetectors({ requestsPerHour: 100, tuning: {}, detectors: [] });

let test: TestDatabase;
let database: Database;
let service: DetectionService;
let folder: string;

beforeAll(async () => {
  test = await createTestDatabase();
  database = new Database(createDataSource({ url: test.url }, []), true);
  service = new DetectionService({
    claims: null,
    facts: { coordinatesOf: () => null },
    database,
    detectors: DETECTORS,
    retentionDays: 0,
    now: () => LOG_START_MS + 3 * HOUR_MS,
  });
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
  const path = join(folder, 'access.log');
  const misses = (ip: string, count: number, at: number): string[] =>
    Array.from({ length: count }, (_, i) =>
      combinedLine({ ip, path: `/${ip}/${i}`, status: 404, at: at + i * 20 }),
    );
  const lines = [
    ...misses('203.0.113.1', 5, 100),
    ...misses('203.0.113.2', 12, 3_500),
    ...misses('203.0.113.3', 40, 7_300),
    ...misses('203.0.113.4', 12, 9_300),
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  await runCli(['import-log', path], { DATABASE_URL: test.url });
  await runCli(['allow-ip', '203.0.113.4'], { DATABASE_URL: test.url });
  await test.query(
    `update ip_tracking.request_log set user_id = 'ann' where host(ip_address) = '203.0.113.2' and path like '%/3'`,
  );
});
afterAll(async () => {
  await database.close();
  await test.close();
  rmSync(folder, { recursive: true });
});

const since = new Date(LOG_START_MS);
const subjects = (found: readonly { subject: string }[]): string[] =>
  found.map(({ subject }) => subject).sort();

describe('a replay', () => {
  it('says who would have been flagged by another threshold, beside who is', async () => {
    const lower = await service.replay({ detector: 'not-found', threshold: 4, since });
    expect(subjects(lower.both)).toEqual(['203.0.113.2', '203.0.113.3', '203.0.113.4']);
    expect(subjects(lower.proposedOnly)).toEqual(['203.0.113.1']);
    expect(lower.inForceOnly).toEqual([]);
    const higher = await service.replay({ detector: 'not-found', threshold: 30, since });
    expect([subjects(higher.both), subjects(higher.inForceOnly)]).toEqual([
      ['203.0.113.3'],
      ['203.0.113.2', '203.0.113.4'],
    ]);
  });

  it('says who had signed in, who is allowed, and when it was', async () => {
    const { both } = await service.replay({ detector: 'not-found', since });
    const of = (ip: string) => both.find(({ subject }) => subject === ip);
    expect(of('203.0.113.2')).toMatchObject({ hasSignedIn: true, exemption: null });
    expect(of('203.0.113.3')).toMatchObject({ hasSignedIn: false, exemption: null });
    expect(of('203.0.113.4')).toMatchObject({ exemption: 'allow rule' });
    expect(of('203.0.113.2')!.firstSeen).toEqual(new Date(LOG_START_MS + 3_500_000));
  });

  it('looks at nothing that is older', async () => {
    const late = new Date(LOG_START_MS + 2 * HOUR_MS);
    const { both } = await service.replay({ detector: 'not-found', since: late });
    expect(subjects(both)).toEqual(['203.0.113.3', '203.0.113.4']);
  });

  it('tries detectors that read the log by a query of their own', async () => {
    const volume = await service.replay({ detector: 'request-volume', threshold: 30, since });
    expect([subjects(volume.both), subjects(volume.proposedOnly)]).toEqual([[], ['203.0.113.3']]);
  });

  it('stores nothing, and finds by the threshold in force what a scan finds', async () => {
    expect(await service.findings()).toEqual([]);
    await service.scanOnce();
    const clock = { now: LOG_START_MS };
    const hourly = new DetectionService({
      claims: null,
      facts: { coordinatesOf: () => null },
      database,
      detectors: DETECTORS,
      retentionDays: 0,
      now: () => clock.now,
    });
    for (let hour = 1; hour <= 3; hour++) {
      clock.now = LOG_START_MS + hour * HOUR_MS;
      await hourly.scan();
    }
    const stored = await service.findings();
    expect(stored.length).toBeGreaterThan(1);
    for (const name of DETECTORS.map((detector) => detector.name)) {
      const { both } = await service.replay({ detector: name, since });
      const kept = both.filter(({ exemption }) => exemption === null);
      expect({ name, kept: subjects(kept) }).toEqual({
        name,
        kept: subjects(stored.filter(({ detector }) => detector === name)),
      });
    }
  });

  it.each([
    [{ detector: 'notfound' }, 'did you mean not-found?'],
    [{ detector: 'not-found', threshold: 0 }, 'threshold is 0'],
    [{ detector: 'sensitive-path', threshold: 3 }, 'no threshold that could be tried'],
  ])('refuses %j', async (options, message) => {
    await expect(service.replay({ ...options, since })).rejects.toThrow(message);
  });

  it('is a command', async () => {
    const { code, stdout } = await runCli(
      ['replay', '--detector', 'not-found', '--threshold', '4', '--since', '12h'],
      { DATABASE_URL: test.url },
    );
    expect(code).toBe(0);
    expect(stdout).toContain('Nothing was stored.');
    const wrong = await runCli(['replay', '--detector', 'nothing', '--since', '1h'], {
      DATABASE_URL: test.url,
    });
    expect([wrong.code, wrong.stdout]).toEqual([2, '']);
  });
});
