import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import type { Detector } from '../../src/detection/detector.js';
import { isLogDetector } from '../../src/detection/detector-rule.js';
import type { Finding } from '../../src/detection/finding.js';
import { LogScanRepository } from '../../src/detection/scan/log-scan.repository.js';
import { tunedDetectors } from '../../src/detection/tuned-detectors.js';
import { WatchRecorder } from '../../src/detection/watch-recorder.js';
import { AccessLogs } from '../../src/judge/access-log/access-logs.js';
import { judgeLog } from '../../src/judge/judge-log.js';
import { readLogRecords } from '../../src/judge/log-records.js';
import { parseIp } from '../../src/net/ip-address.js';
import { runCli, type CliResult } from '../support/cli.js';
import { combinedLine, LOG_START_MS, type LoggedRequest } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const REAL_LOG = join(__dirname, '../fixtures/apache-combined-10k.log.gz');
/** Those that run both ways. */
const DETECTORS = tunedDetectors({ requestsPerHour: 100, tuning: {}, detectors: [] }).filter(
  (detector): detector is Detector => !isLogDetector(detector),
);

let database: TestDatabase;
let dataSource: DataSource;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = createDataSource({ url: database.url }, []);
  await dataSource.initialize();
  folder = mkdtempSync(join(tmpdir(), 'import-'));
});
afterAll(async () => {
  await dataSource.destroy();
  await database.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => database.query('truncate ip_tracking.request_log'));

function importLog(...args: string[]): Promise<CliResult> {
  return runCli(['import-log', ...args], { DATABASE_URL: database.url });
}

function written(name: string, requests: readonly LoggedRequest[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${requests.map((request) => combinedLine(request)).join('\n')}\n`);
  return path;
}

const keysOf = (findings: readonly Finding[]): string[] =>
  [...new Set(findings.map(({ detector, subject }) => `${detector} ${subject}`))].sort();

async function opened<T>(path: string, work: (logs: AccessLogs) => Promise<T>): Promise<T> {
  const logs = await AccessLogs.open([path]);
  try {
    return await work(logs);
  } finally {
    await logs.close();
  }
}

/** By the judge; `login-only` is another detector over the log. */
async function judged(path: string): Promise<string[]> {
  const { clients } = await opened(path, (logs) =>
    judgeLog(logs, { mode: 'flag', tuning: { 'login-only': { response: 'off' } } }),
  );
  return clients
    .flatMap(({ detectors, ipAddress }) => detectors.map((name) => `${name} ${ipAddress}`))
    .sort();
}

/** By the scan of what is in the log. */
async function scanned(): Promise<string[]> {
  const [span] = await database.query<{ first: Date; last: Date }>(
    'select min("timestamp") as first, max("timestamp") as last from ip_tracking.request_log',
  );
  const findings: Finding[] = [];
  const start = Math.floor(span!.first.getTime() / HOUR_MS) * HOUR_MS;
  for (let at = start; at <= span!.last.getTime() + HOUR_MS; at += HOUR_MS) {
    const window = { from: new Date(at), to: new Date(at + HOUR_MS) };
    await dataSource.transaction((manager) =>
      new LogScanRepository(manager).run(DETECTORS, window, (some) => {
        findings.push(...some);
        return Promise.resolve();
      }),
    );
  }
  return keysOf(findings);
}

/** By the watch, as records end, by a clock of the records. */
async function watched(path: string): Promise<string[]> {
  const findings: Finding[] = [];
  let nowMs = 0;
  const recorder = new WatchRecorder({
    detectors: DETECTORS,
    maxBytes: 50_000_000,
    addresses: { stored: (ip) => ip },
    keepsAgents: true,
    claims: null,
    save: (some) => {
      findings.push(...some);
      return Promise.resolve({ stored: [], exempted: {} });
    },
    now: () => nowMs,
    after: () => () => undefined,
    warn: (message) => expect.fail(message),
  });
  await opened(path, async (logs) => {
    const records = await readLogRecords(logs);
    for await (const batch of records.batches()) {
      for (const { timestamp, ipAddress, ...others } of batch) {
        recorder.ended({ ...others, timestampMs: timestamp.getTime(), ip: parseIp(ipAddress!) });
      }
      nowMs = batch.at(-1)!.timestamp.getTime();
    }
  });
  nowMs += 2 * HOUR_MS;
  await recorder.close();
  return keysOf(findings);
}

/** Something for every detector, near its threshold on both sides. */
function attacks(): LoggedRequest[] {
  const times = (count: number, of: (i: number) => LoggedRequest): LoggedRequest[] =>
    Array.from({ length: count }, (_, i) => of(i));
  const requests = [
    ...times(30, (i) => ({ ip: `192.0.2.${(i % 5) + 1}`, path: '/about', at: i * 300 })),
    ...times(9, (i) => ({ ip: '203.0.113.1', path: `/a-${i}`, status: 404, at: i * 60 })),
    ...times(10, (i) => ({ ip: '203.0.113.2', path: `/b-${i}`, status: 404, at: i * 390 })),
    ...times(25, (i) => ({ ip: '203.0.113.3', path: `/c-${i}`, status: 404, at: 5_000 + i })),
    ...times(59, (i) => ({ ip: '203.0.113.4', path: '/', at: 100 + i / 10 })),
    ...times(70, (i) => ({ ip: '203.0.113.5', path: '/', at: 200 + i / 10 })),
    ...times(12, (i) => ({
      ip: '203.0.113.6',
      method: 'POST',
      path: '/login',
      status: 401,
      at: i * 200,
    })),
    ...times(24, (i) => ({
      ip: '203.0.113.7',
      method: 'POST',
      path: '/login',
      status: 403,
      at: i * 60,
    })),
    { ip: '203.0.113.8', path: '/?q=../../../../etc/passwd', at: 400 },
    ...times(2, (i) => ({ ip: '203.0.113.9', path: "/?id=1'%20or%20'1'='1", at: i })),
    ...times(4, (i) => ({
      ip: '203.0.113.10',
      path: `/?id=${i}'%20union%20select%201,2,3--`,
      at: i,
    })),
    { ip: '203.0.113.11', method: 'CONNECT', path: 'example.com:443', status: 400, at: 77 },
    { ip: '2001:db8:0:1::1', path: '/.git/config', status: 404, at: 3_599 },
    { ip: '2001:db8:0:1::2', path: '/wp-login.php', status: 404, at: 3_601 },
    ...times(12, (i) => ({ ip: '203.0.113.12', path: `/s${i}.php`, status: 404, at: 3_590 + i })),
  ];
  const ordered = requests.sort((one, other) => (one.at ?? 0) - (other.at ?? 0));
  // Servers that write when a request began write it a little later than the next.
  const late = ordered.findIndex(({ ip }) => ip === '203.0.113.3');
  ordered.splice(late + 3, 0, ...ordered.splice(late, 1));
  return ordered;
}

describe('the judge of a log, the scan of what is imported of it, and the watch find the same', () => {
  it('of a log with something for every detector', async () => {
    const path = written('attacks.log', attacks());
    expect((await importLog(path)).code).toBe(0);
    const found = await judged(path);
    expect(new Set(found.map((key) => key.split(' ', 1)[0]))).toEqual(
      new Set(['probe-path', 'payload', 'not-found', 'auth-failures', 'burst', 'open-proxy']),
    );
    expect(await scanned()).toEqual(found);
    expect(await watched(path)).toEqual(found);
  });

  it('of a real log', async () => {
    expect((await importLog(REAL_LOG)).code).toBe(0);
    const found = await judged(REAL_LOG);
    expect(found.length).toBeGreaterThan(30);
    expect(await scanned()).toEqual(found);
    expect(await watched(REAL_LOG)).toEqual(found);
  });
});

describe('ip-tracking import-log', () => {
  const rows = () =>
    database.query<{ count: number; first: Date; last: Date }>(
      'select count(*)::integer as count, min("timestamp") as first, max("timestamp") as last from ip_tracking.request_log',
    );

  it('has a log that is imported twice there once, lines that are alike each for itself', async () => {
    const path = written('twice.log', [
      { path: '/a' },
      { path: '/a' },
      { path: '/a' },
      { path: '/b', at: 5 },
    ]);
    const { code, stdout } = await importLog(path);
    expect([code, stdout]).toEqual([
      0,
      '4 requests, from 2026-09-01 12:00:00Z to 2026-09-01 12:00:05Z, are in the request log\n',
    ]);
    await importLog(path);
    expect(await rows()).toEqual([
      { count: 4, first: new Date(LOG_START_MS), last: new Date(LOG_START_MS + 5_000) },
    ]);
  });

  it('has a log that has grown there once', async () => {
    const requests = [{ path: '/a' }, { path: '/b', at: 5 }];
    await importLog(written('grown.log', requests.slice(0, 1)));
    await importLog(written('grown.log', requests));
    expect((await rows())[0]!.count).toBe(2);
  });

  it('shifts a log to now, and leaves it there when it comes again', async () => {
    const path = written('shifted.log', [{ path: '/a' }, { path: '/b', at: 3_600 }]);
    const before = Date.now();
    await importLog('--shift-to-now', path);
    const [there] = await rows();
    expect(there!.last.getTime()).toBeGreaterThanOrEqual(before);
    expect(there!.last.getTime()).toBeLessThanOrEqual(Date.now());
    expect(there!.last.getTime() - there!.first.getTime()).toBe(HOUR_MS);
    await importLog('--shift-to-now', path);
    expect(await rows()).toEqual([there]);
  });

  it('keeps what the log says, and what was made of it', async () => {
    await importLog(written('rows.log', [{ path: '/.env?a=1', status: 404, agent: 'curl/8' }]));
    const [row] = await database.query<Record<string, unknown>>(
      'select host(ip_address) as ip, method, path, status, outcome, user_agent, signals::integer & 1 as secrets from ip_tracking.request_log',
    );
    expect(row).toEqual({
      ip: '203.0.113.7',
      method: 'GET',
      path: '/.env',
      status: 404,
      outcome: 'unmatched',
      user_agent: 'curl/8',
      secrets: 1,
    });
  });

  it('has there what is left of a log that is cut off, and says so', async () => {
    const path = join(folder, 'cut.log.gz');
    const lines = Array.from({ length: 2_000 }, (_, at) => combinedLine({ path: `/${at}`, at }));
    writeFileSync(path, gzipSync(lines.join('\n')).subarray(0, 4_000));
    const { code, stdout, stderr } = await importLog(path);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/breaks off: unexpected end of file\n$/),
    ]);
    expect(stdout).toMatch(/^\d+ requests, from .* are in the request log/);
    expect((await rows())[0]!.count).toBeGreaterThan(0);
  });

  it('says in one line what is wrong', async () => {
    const { code, stderr } = await importLog('/nowhere.log');
    expect([code, stderr.trim().split('\n').length]).toEqual([2, 1]);
  });
});
