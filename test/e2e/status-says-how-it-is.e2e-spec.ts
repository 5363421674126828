import { Controller, Get } from '@nestjs/common';
import { Client } from 'pg';
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import {
  DetectionService,
  GeoService,
  IpRuleService,
  IpTrackingStatus,
  MemoryLimitStorage,
  parseIp,
  RequestLogService,
  Sensitive,
  type GeoProvider,
  type IpTrackingOptions,
  type IpTrackingReport,
  type LimitRule,
  type LimitStorage,
  type RequestSink,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { createTestDatabase, createTestServer, type TestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const NOWHERE = 'postgres://127.0.0.1:1/none';
const DAY_MS = 86_400_000;

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Get('sensitive')
  @Sensitive()
  sensitive() {
    return 'sensitive';
  }
}

const places: GeoProvider = {
  name: 'of the test',
  dataDate: new Date('2026-01-02T00:00:00Z'),
  lookup: () => ({ country: 'DE', city: null }),
};

/** A store that can be down. */
class FragileStorage implements LimitStorage {
  isDown = false;
  private readonly memory = new MemoryLimitStorage();

  async hit(key: string, rule: LimitRule) {
    return this.ask(() => this.memory.hit(key, rule));
  }
  async peek(key: string, rule: LimitRule) {
    return this.ask(() => this.memory.peek(key, rule));
  }
  async release(key: string, slot: string) {
    return this.ask(() => this.memory.release(key, slot));
  }
  async reset(key: string) {
    return this.ask(() => this.memory.reset(key));
  }

  private ask<T>(answer: () => T): T {
    if (this.isDown) throw new Error('the store is down');
    return answer();
  }
}

describe.each(ADAPTERS)('the status on %s', (adapter) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
    onTestFinished(() => database.close());
  });

  async function start(
    options: Partial<IpTrackingOptions> = {},
    more: Partial<HostOptions> = {},
  ): Promise<Host> {
    const host = await startHost({
      adapter,
      database,
      controllers: [Routes],
      // No scan of its own, which a full hour would begin.
      options: { stateDir: false, detection: { cron: false }, ...options },
      ...more,
    });
    onTestFinished(() => host.close());
    return host;
  }

  const read = (host: Host): IpTrackingReport => host.app.get(IpTrackingStatus).read();

  describe('of the rules', () => {
    it('says that they come from the database, how many they are, and since when', async () => {
      const before = Date.now();
      const host = await start();
      const { rules } = read(host);
      expect(rules).toMatchObject({ from: 'database', size: 0, isOut: false });
      expect(rules!.confirmedAt!.getTime()).toBeGreaterThanOrEqual(before);
      await host.app.get(IpRuleService).block('203.0.113.7');
      expect(read(host).rules).toMatchObject({ size: 1, version: rules!.version! + 1 });
    });

    it('says that they come from the disk where the database is down', async () => {
      const server = await createTestServer();
      onTestFinished(() => server.close());
      const folder = temporaryFolder('state');
      onTestFinished(() => folder.remove());
      const options: Partial<IpTrackingOptions> = {
        database: { url: server.url, migrationsRun: true },
        stateDir: `${folder.path}/state`,
        requestLog: false,
      };
      const earlier = await start(options);
      await earlier.app.get(IpRuleService).block('203.0.113.7');
      const { version } = read(earlier).rules!;
      await earlier.app.close();
      await server.stop();
      const host = await start(options);
      expect(read(host).rules).toMatchObject({
        from: 'disk',
        version,
        size: 1,
        confirmedAt: null,
        isOut: true,
      });
      expect(await host.send({ from: '203.0.113.7' })).toMatchObject({ status: 403 });
      const bare = await start({ ...options, stateDir: false });
      expect(read(bare).rules).toMatchObject({ from: 'nowhere', version: null, size: 0 });
      await server.start();
      await eventually(() => read(bare).rules?.from === 'database', { withinMs: 30_000 });
      expect(read(bare).rules).toMatchObject({ version, size: 1, isOut: false });
    });
  });

  it('says whether changes are told by PostgreSQL, or found by asking', async () => {
    const host = await start({ rules: { pollIntervalMs: 100 } });
    await eventually(() => read(host).notifications === 'listening');
    const connected = async (url: string): Promise<Client> => {
      const client = new Client({ connectionString: url });
      await client.connect();
      onTestFinished(() => client.end());
      return client;
    };
    const writer = await connected(database.url);
    const server = await connected(inject('postgresUrl'));
    // What listens is cut off, and nobody can connect any more. Those who are connected go on.
    await server.query(`alter database ${database.name} allow_connections false`);
    await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and application_name like 'nestjs-ip-tracking listen%'`,
      [database.name],
    );
    await eventually(() => read(host).notifications === 'polling');
    await writer.query(
      `insert into ip_tracking.ip_rule (action, network, source) values ('block', '203.0.113.7', 'test')`,
    );
    await eventually(() => read(host).rules?.size === 1);
    expect(read(host).notifications).toBe('polling');
    await server.query(`alter database ${database.name} allow_connections true`);
    await eventually(() => read(host).notifications === 'listening', { withinMs: 20_000 });
  });

  describe('of the log', () => {
    it('counts what was written', async () => {
      const host = await start();
      expect(read(host).requestLog).toMatchObject({ enqueued: 0, written: 0, spool: 'off' });
      for (const path of ['/', '/nowhere']) await host.send(path);
      await host.rows(2);
      expect(read(host).requestLog).toEqual(host.app.get(RequestLogService).stats);
      expect(read(host).requestLog).toMatchObject({
        enqueued: 2,
        written: 2,
        queued: 0,
        dropped: 0,
        isFailing: false,
      });
    });

    it('tells what waits on the disk while the database is down', async () => {
      const folder = temporaryFolder('spool');
      onTestFinished(() => folder.remove());
      const host = await start({
        database: { url: NOWHERE },
        stateDir: `${folder.path}/state`,
        requestLog: { spool: { writeIntervalMs: 10 }, tuning: { flushIntervalMs: 10 } },
      });
      expect(read(host).requestLog).toMatchObject({ spool: 'ready', spooledBytes: 0 });
      await host.send('/');
      await eventually(() => {
        const { queued, spooledBytes, isFailing } = read(host).requestLog!;
        return queued === 1 && spooledBytes > 0 && isFailing;
      });
      expect(read(host).requestLog).toMatchObject({ enqueued: 1, written: 0, dropped: 0 });
    });

    it('counts what was dropped', async () => {
      let isDown = true;
      const sink: RequestSink = {
        write: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve()),
      };
      const host = await start({
        requestLog: { sink, spool: false, tuning: { maxQueued: 2, flushIntervalMs: 10 } },
      });
      for (let sent = 0; sent < 5; sent += 1) await host.send('/');
      await eventually(() => {
        const { dropped, queued, isFailing } = read(host).requestLog!;
        return dropped === 3 && queued === 2 && isFailing;
      });
      expect(read(host).requestLog).toMatchObject({ enqueued: 5, written: 0 });
      isDown = false;
      await eventually(() => read(host).requestLog!.written === 2, { withinMs: 20_000 });
    });

    it('tells up to when the table has days of its own', async () => {
      const host = await start();
      const today = () => Math.floor(Date.now() / DAY_MS) * DAY_MS;
      const until = await eventually(() => read(host).partitionsUntil ?? undefined);
      await eventually(() => read(host).partitionsUntil!.getTime() >= today() + 8 * DAY_MS);
      expect(until.getTime() % DAY_MS).toBe(0);
      const sink: RequestSink = { write: () => Promise.resolve() };
      expect(read(await start({ requestLog: { sink } })).partitionsUntil).toBeNull();
    });
  });

  describe('of the limits', () => {
    it('tells whether the store that processes share can be reached', async () => {
      const storage = new FragileStorage();
      const host = await start({ rateLimits: { storage } });
      const isOnTime = async () => (await host.send('/sensitive')).status;
      const closed = { state: 'closed', primaryErrors: 0, insuranceHits: 0, failClosedRefusals: 0 };
      expect(await isOnTime()).toBe(200);
      expect(read(host).limits).toEqual({ shared: closed });
      storage.isDown = true;
      expect(await isOnTime()).toBe(200);
      const { shared } = read(host).limits!;
      expect(shared).toMatchObject({ insuranceHits: 1, failClosedRefusals: 0 });
      expect(shared!.state).not.toBe('closed');
      expect(shared!.primaryErrors).toBeGreaterThan(0);
      storage.isDown = false;
      await eventually(() => read(host).limits?.shared?.state === 'closed');
    });

    it('has no such store where each process counts for itself', async () => {
      expect(read(await start()).limits).toEqual({ shared: null });
    });
  });

  it('of the places says whose they are, of which day, and how many are known', async () => {
    const host = await start({ geo: { provider: places } });
    const known = { provider: 'of the test', isLoaded: true, dataDate: places.dataDate };
    expect(read(host).geo).toEqual({ ...known, cachedEntries: 0 });
    host.app.get(GeoService).lookup(parseIp('198.51.0.1'));
    expect(read(host).geo).toEqual({ ...known, cachedEntries: 1 });
    const broken: GeoProvider = { ...places, load: () => Promise.reject(new Error('no file')) };
    const other = await start({ geo: { provider: broken } });
    expect(read(other).geo).toMatchObject({ provider: 'of the test', isLoaded: false });
  });

  it('of the last scan tells when it was, what it has found, and why it failed', async () => {
    const host = await start();
    expect(read(host).lastScan).toBeNull();
    await host.send({ path: '/admin', from: '198.51.100.7' });
    await host.rows(1);
    const before = Date.now();
    await host.app.get(DetectionService).scan();
    const { lastScan } = read(host);
    expect(lastScan).toMatchObject({ findings: 1, error: null });
    expect(lastScan!.startedAt.getTime()).toBeGreaterThanOrEqual(before);
    await database.query('alter table ip_tracking.suspicious_ip rename to gone');
    await expect(host.app.get(DetectionService).scan()).rejects.toThrow('schema');
    expect(read(host).lastScan).toMatchObject({ findings: 0 });
    expect(read(host).lastScan!.error).toMatch(/schema/);
  });

  it('is null for every part that is off, and can be read when the app has closed', async () => {
    const off: IpTrackingReport = {
      rules: null,
      notifications: null,
      requestLog: null,
      partitionsUntil: null,
      limits: null,
      geo: null,
      lastScan: null,
      watch: null,
    };
    const host = await start({
      rules: false,
      requestLog: false,
      rateLimits: false,
      geo: false,
      detection: false,
    });
    const status = host.app.get(IpTrackingStatus);
    expect(status.read()).toEqual(off);
    const deaf = { rules: { follow: false }, rateLimits: false, detection: false } as const;
    expect(read(await start(deaf))).toMatchObject({ rules: null, notifications: null });
    await host.app.close();
    expect(status.read()).toEqual(off);
  });
});

describe('the connection that listens', () => {
  async function listening(database: TestDatabase): Promise<string[]> {
    const rows = await database.query<{ query: string }>(
      `select query from pg_stat_activity
        where datname = current_database() and application_name like 'nestjs-ip-tracking listen%'`,
    );
    return rows.map(({ query }) => query);
  }

  it('is opened where a program follows rules, counts attempts or detects, and nowhere else', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const start = async (options: Partial<IpTrackingOptions>): Promise<Host> => {
      const host = await startHost({
        adapter: 'express',
        database,
        options: { stateDir: false, ...options },
      });
      onTestFinished(() => host.close());
      return host;
    };
    const silent = await start({ rules: { follow: false }, rateLimits: false, detection: false });
    // It is connected, and has had the time to listen: its rule is there.
    await silent.app.get(IpRuleService).block('203.0.113.7');
    expect(silent.app.get(IpTrackingStatus).read().notifications).toBeNull();
    expect(await listening(database)).toEqual([]);

    const limiting = await start({ rules: false, detection: false });
    await eventually(
      async () => (await listening(database)).join() === 'listen "ip_tracking_limit_reset"',
    );
    await eventually(() => limiting.app.get(IpTrackingStatus).read().notifications === 'listening');

    await start({ rules: { follow: false }, rateLimits: false });
    await eventually(async () => (await listening(database)).length === 2);
  });
});
