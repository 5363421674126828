import { Client } from 'pg';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DetectionService, RequestLogService } from '../../src/index.js';
import { startHost, type Host } from '../support/host-app.js';

const HOUR_MS = 3_600_000;
const SCAN_LOCK = '7316402520';

let host: Host;
let said: string[];
let someone: Client;

beforeEach(async () => {
  said = [];
  host = await startHost({
    adapter: 'fastify',
    options: { detection: { cron: false } },
    configure: (app) => {
      const say = (message: unknown) => void said.push(String(message));
      app.useLogger({ log: () => undefined, warn: say, error: say });
    },
  });
  someone = new Client({
    connectionString: host.database.url,
    application_name: 'somebody who\nsits on it',
  });
  await someone.connect();
});
afterEach(async () => {
  vi.useRealTimers();
  await someone.end();
  await host.close();
});

it('a lock that somebody sits on for an hour is said once, with who it is', async () => {
  await someone.query(`select pg_advisory_lock(${SCAN_LOCK})`);
  const scans = host.app.get(DetectionService);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  for (let hour = 0; hour < 4; hour += 1) {
    expect(await scans.scanOnce()).toBeNull();
    vi.setSystemTime(Date.now() + HOUR_MS);
  }
  const [row] = (await someone.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(
    new RegExp(
      `^the scan of the log has not been possible since .*: its lock is held by session ${row!.pid} of \\S+ \\(somebody who.{1,4}sits on it\\), since .* end it with pg_terminate_backend\\(${row!.pid}\\)$`,
    ),
  );
  await someone.query(`select pg_advisory_unlock(${SCAN_LOCK})`);
  expect(await scans.scanOnce()).not.toBeNull();
});

it('nothing is said of a lock that another process has for its work', async () => {
  await someone.query(`select pg_advisory_lock(${SCAN_LOCK})`);
  const scans = host.app.get(DetectionService);
  expect(await scans.scanOnce()).toBeNull();
  await someone.query(`select pg_advisory_unlock(${SCAN_LOCK})`);
  expect(await scans.scanOnce()).not.toBeNull();
  expect(said).toEqual([]);
  expect(host.app.get(RequestLogService).stats.isFailing).toBe(false);
});
