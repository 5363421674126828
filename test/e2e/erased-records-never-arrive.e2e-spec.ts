import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Controller, Get } from '@nestjs/common';
import { Client } from 'pg';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  parseIp,
  PrivacyService,
  RequestLogService,
  type ExportedRow,
  type IpTrackingOptions,
} from '../../src/index.js';
import { RequestQueue } from '../../src/request-log/queue/request-queue.js';
import type { LogRecord } from '../../src/request-log/record/request-record.js';
import { compiledMain } from '../support/compiled.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const ERASED = '203.0.113.7';
const OTHER = '198.51.100.9';
const KEY = 'a key of thirty-two bytes or more';

@Controller()
class Routes {
  @Get()
  home() {
    return 'ok';
  }
}

let database: TestDatabase;
let stateDir: string;

beforeEach(async () => {
  database = await createTestDatabase();
  const folder = temporaryFolder('erased');
  stateDir = join(folder.path, 'state');
  onTestFinished(async () => {
    await database.close();
    await folder.remove();
  });
});

async function start(adapter: Adapter, options: Partial<IpTrackingOptions> = {}): Promise<Host> {
  const host = await startHost({
    adapter,
    controllers: [Routes],
    database,
    options: {
      stateDir,
      requestLog: {
        shutdownTimeoutMs: 500,
        spool: { writeIntervalMs: 5, syncIntervalMs: 50, adoptAfterMs: 500 },
      },
      ...options,
    },
  });
  onTestFinished(() => host.close());
  return host;
}

/** The database takes everything but rows of the log. */
async function refuseRows(): Promise<void> {
  await database.query(`create function ip_tracking.full() returns trigger language plpgsql as
    $$ begin raise exception 'no space left' using errcode = '53100'; end $$`);
  await database.query(`create trigger full_disk before insert on ip_tracking.request_log
    for each statement execute function ip_tracking.full()`);
}

const takeRows = () => database.query('drop function ip_tracking.full() cascade');

const stats = (host: Host) => host.app.get(RequestLogService).stats;

/** Sends requests of both clients, and waits until their records are on the disk. */
async function spoolSome(host: Host, count = 3): Promise<void> {
  const before = stats(host).enqueued;
  for (let i = 0; i < count; i += 1) {
    await host.send({ from: ERASED });
    await host.send({ from: OTHER });
  }
  await eventually(() => stats(host).enqueued === before + 2 * count && stats(host).isFailing);
  // Everything that was pushed has been handed to the operating system.
  let bytes = -1;
  await eventually(() => {
    const isSteady = bytes > 0 && bytes === stats(host).spooledBytes;
    bytes = stats(host).spooledBytes;
    return isSteady;
  });
}

const delivered = (...hosts: Host[]) =>
  eventually(() => hosts.every((host) => stats(host).queued === 0 && !stats(host).isFailing), {
    withinMs: 20_000,
    what: 'delivery',
  });

/** How many rows each address has. */
async function rows(): Promise<Record<string, number>> {
  const found = await database.query<{ address: string; count: number }>(
    `select host(ip_address) as address, count(*)::integer from ip_tracking.request_log group by 1`,
  );
  return Object.fromEntries(found.map(({ address, count }) => [address, count]));
}

async function exported(host: Host, address = ERASED): Promise<ExportedRow[]> {
  const found: ExportedRow[] = [];
  for await (const row of host.app.get(PrivacyService).exportAddress(address)) found.push(row);
  return found;
}

const kinds = async (host: Host, address?: string) =>
  (await exported(host, address)).map(({ kind }) => kind).sort();

describe.each(ADAPTERS)('an address that is erased while its records wait, on %s', (adapter) => {
  it('is exported from where they wait, and none of them arrives', async () => {
    await refuseRows();
    const host = await start(adapter);
    await spoolSome(host);
    expect(await kinds(host)).toEqual(['spooled', 'spooled', 'spooled']);
    const [first] = await exported(host);
    expect(first?.row).toMatchObject({
      ip_address: ERASED,
      path: '/',
      status: 200,
      outcome: 'served',
      extra: null,
    });
    const erased = await host.app.get(PrivacyService).eraseAddress(ERASED);
    expect(erased).toMatchObject({ requests: 0, spooled: 3 });
    // What they do afterwards is another matter.
    await host.send({ from: ERASED });
    await takeRows();
    await delivered(host);
    expect(await rows()).toEqual({ [ERASED]: 1, [OTHER]: 3 });
    // Until their segment is emptied they are on the disk, and an export says so.
    await eventually(async () => (await kinds(host)).length === 2);
    expect(await kinds(host)).toEqual(['erasure', 'request']);
    expect(await kinds(host, OTHER)).toEqual(['request', 'request', 'request']);
  });

  it('is found in the memory of a process without a spool', async () => {
    await refuseRows();
    const host = await start(adapter, { stateDir: false });
    await host.send({ from: ERASED });
    await eventually(() => stats(host).isFailing);
    expect(await kinds(host)).toEqual(['spooled']);
    expect(await host.app.get(PrivacyService).eraseAddress(ERASED)).toMatchObject({ spooled: 1 });
    await takeRows();
    await delivered(host);
    expect(await rows()).toEqual({});
  });
});

describe('an address that another process erases', () => {
  let main: string;
  beforeAll(async () => {
    main = join(await compiledMain(), 'src/cli/main.js');
  });
  const run = (args: string[], more: Record<string, string> = {}) =>
    new Promise<string>((resolve, reject) => {
      const env = { ...process.env, IP_TRACKING_DATABASE_URL: database.url, ...more };
      execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(stderr)),
      );
    });

  it('does not arrive from any of those that live', async () => {
    await refuseRows();
    const hosts = [await start('express'), await start('fastify')];
    for (const host of hosts) await spoolSome(host);
    expect(await run(['erase-ip', ERASED])).toBe(`erased ${ERASED}: 0 requests, 0 findings\n`);
    await takeRows();
    await delivered(...hosts);
    expect(await rows()).toEqual({ [OTHER]: 6 });
  });

  it('does not arrive from the spool of a dead one, which a command finds', async () => {
    await refuseRows();
    const host = await start('fastify');
    await spoolSome(host);
    await host.close();
    const state = { IP_TRACKING_STATE_DIR: stateDir };
    const lines = (await run(['export-ip', ERASED], state)).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as ExportedRow).kind)).toEqual(
      Array(3).fill('spooled'),
    );
    expect(await run(['erase-ip', ERASED], state)).toBe(
      `erased ${ERASED}: 0 requests, 0 findings\n3 records on the way to the log\n`,
    );
    await takeRows();
    const next = await start('express');
    await eventually(() => stats(next).adopted === 6);
    await delivered(next);
    expect(await rows()).toEqual({ [OTHER]: 3 });
  });

  it('is not named beside its hashes', async () => {
    const privacy = { address: 'hashed', key: KEY } as const;
    await refuseRows();
    const host = await start('express', { privacy });
    await spoolSome(host);
    await run(['erase-ip', ERASED], { IP_TRACKING_PRIVACY_KEY: KEY });
    const marks = await database.query<{ ip_address: string }>(
      'select host(ip_address) as ip_address from ip_tracking.erased_address',
    );
    expect(marks.length).toBeGreaterThan(30);
    expect(marks.filter(({ ip_address }) => !ip_address.startsWith('fd'))).toEqual([]);
    await takeRows();
    await delivered(host);
    expect(Object.values(await rows())).toEqual([3]);
  });
});

describe('an address that is erased', () => {
  it('is gone although a writer had not committed', async () => {
    const host = await start('fastify');
    const writer = new Client({ connectionString: database.url });
    await writer.connect();
    onTestFinished(() => writer.end());
    await writer.query('begin');
    await writer.query(
      `insert into ip_tracking.request_log
         (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us)
       values (gen_random_uuid(), now(), $1, 'socket', 'GET', '/', 200, 'served', 1)`,
      [ERASED],
    );
    let isDone = false;
    const erasing = host.app
      .get(PrivacyService)
      .eraseAddress(ERASED)
      .finally(() => (isDone = true));
    await eventually(
      async () =>
        (await database.query('select from ip_tracking.erased_address')).length > 0 || undefined,
    );
    // Nobody else waits for that: the log goes on.
    await host.send({ from: OTHER });
    await eventually(async () => (await rows())[OTHER] === 1);
    expect(isDone).toBe(false);
    await writer.query('commit');
    expect(await erasing).toMatchObject({ requests: 1 });
    expect(await rows()).toEqual({ [OTHER]: 1 });
  });

  it('does not come back with a row that was delivered and is delivered again', async () => {
    const host = await start('express');
    await host.send({ from: ERASED });
    const [row] = await host.rows(1);
    await host.app.get(PrivacyService).eraseAddress(ERASED);
    const { text } = await host.send({ from: OTHER });
    expect(text).toBe('ok');
    const queue = host.app.get(RequestQueue);
    const again = { ...recordOf(row!.id, row!.timestamp.getTime()) };
    queue.push(again);
    queue.push(recordOf('0190a000-0000-7000-8000-000000000001', Date.now() + 60_000));
    await host.rows(4);
    expect(await rows()).toEqual({ [ERASED]: 1, [OTHER]: 1 });
  });

  it('is forgotten itself once no row of that time is kept any more', async () => {
    const host = await start('fastify');
    await host.app.get(PrivacyService).eraseAddress(ERASED);
    const marks = () => database.query('select from ip_tracking.erased_address');
    // The app's own upkeep may be at it.
    const prune = () =>
      eventually(async () => {
        const days = { retentionDays: 30, rollupRetentionDays: 0 };
        return !(await host.app.get(RequestLogService).prune(days)).isLeftToAnother;
      });
    await prune();
    expect(await marks()).toHaveLength(1);
    await database.query(
      `update ip_tracking.erased_address set erased_before = now() - interval '32 days'`,
    );
    await prune();
    expect(await marks()).toEqual([]);
  });

  it("does not reach a host's own sink from the process that erases it", async () => {
    const written: string[] = [];
    let isDown = true;
    const host = await start('express', {
      requestLog: {
        sink: {
          write: async (records) => {
            if (isDown) throw new Error('down');
            written.push(...records.map(({ ipAddress }) => String(ipAddress)));
          },
        },
      },
    });
    await host.send({ from: ERASED });
    await host.send({ from: OTHER });
    await eventually(() => stats(host).isFailing && stats(host).enqueued === 2);
    expect(await host.app.get(PrivacyService).eraseAddress(ERASED)).toMatchObject({ spooled: 1 });
    await host.send({ from: ERASED });
    isDown = false;
    await delivered(host);
    expect(written).toEqual([OTHER, ERASED]);
  });
});

function recordOf(id: string, timestampMs: number): LogRecord {
  return {
    id,
    timestampMs,
    ip: parseIp(ERASED),
    ipSource: 'socket',
    method: 'GET',
    path: '/',
    route: null,
    status: 200,
    outcome: 'served',
    durationUs: 1,
    userAgent: null,
    userId: null,
    sensitive: false,
    ruleId: null,
    reason: null,
    repeats: 0,
    signals: null,
    attemptedUser: null,
    country: null,
    city: null,
  };
}
