import { Controller, Get, Module, Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import {
  BlockCountries,
  ClientIp,
  Geo,
  IP_TRACKING_ENTITIES,
  IP_TRACKING_MIGRATIONS,
  IpRuleService,
  IpTrackingModule,
  RequestLog,
  type GeoPlace,
  type IpTrackingOptions,
  type RequestRecord,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { createTestDatabase, createTestServer } from '../support/postgres.js';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Get('whoami')
  whoami(@ClientIp() ip: string | null, @Geo() place: GeoPlace | null) {
    return { ip, place };
  }
}

@Injectable()
class Settings {
  url = '';
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

describe.each(ADAPTERS)('the module on %s', (adapter) => {
  let host: Host | undefined;
  afterEach(async () => {
    await host?.close();
    host = undefined;
  });

  it('is configured by forRootAsync with what other providers give', async () => {
    const database = await createTestDatabase();
    host = await startHost({
      adapter,
      database,
      controllers: [Routes],
      module: (options) =>
        IpTrackingModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: (settings: Settings) => {
            settings.url = database.url;
            return { ...options, database: { url: settings.url } };
          },
        }),
    });
    await host.app.get(IpRuleService).block('203.0.113.7');
    expect((await host.send({ from: '203.0.113.7' })).status).toBe(403);
    expect((await host.send({ from: '203.0.113.8' })).status).toBe(200);
    expect(await host.rows(2)).toHaveLength(2);
    await host.close();
    host = undefined;
    await database.close();
  });

  it('works on the DataSource of the host, and leaves it open', async () => {
    const database = await createTestDatabase({ migrated: false });
    const dataSource = await new DataSource({
      type: 'postgres',
      url: database.url,
      entities: [...IP_TRACKING_ENTITIES],
      migrations: IP_TRACKING_MIGRATIONS,
    }).initialize();
    await dataSource.query('create schema if not exists ip_tracking');
    await dataSource.runMigrations();
    host = await startHost({
      adapter,
      database,
      controllers: [Routes],
      options: { database: { dataSource } },
    });
    await host.app.get(IpRuleService).block('203.0.113.7');
    expect((await host.send({ from: '203.0.113.7' })).status).toBe(403);
    const [row] = await host.rows(1);
    const logged = await dataSource.getRepository(RequestLog).findOneByOrFail({ id: row!.id });
    expect(logged).toMatchObject({ ipAddress: '203.0.113.7', outcome: 'blocked', status: 403 });
    await host.close();
    host = undefined;
    expect(dataSource.isInitialized).toBe(true);
    await dataSource.destroy();
    await database.close();
  });

  it('logs country and city, and gives them to handlers', async () => {
    host = await startHost({ adapter, controllers: [Routes], options: { geo: {} } });
    const answer = await host.send({ path: '/whoami', from: '66.249.73.135' });
    expect(answer.json()).toMatchObject({ ip: '66.249.73.135', place: { country: 'US' } });
    const nowhere = await host.send({ path: '/whoami', from: '::ffff:10.0.0.1' });
    expect(nowhere.json()).toEqual({ ip: '10.0.0.1', place: null });
    const rows = await host.rows(2);
    expect(rows[0]).toMatchObject({ country: 'US' });
    expect(rows[1]).toMatchObject({ country: null, city: null });
  });

  it('asks another provider of places where the host gives one', async () => {
    host = await startHost({
      adapter,
      controllers: [Routes],
      options: {
        geo: { provider: { name: 'test', lookup: () => ({ country: 'XX', city: 'Testville' }) } },
      },
    });
    await host.send({ from: '203.0.114.1' });
    expect((await host.rows(1))[0]).toMatchObject({ country: 'XX', city: 'Testville' });
  });

  it('hands records to another sink where the host gives one', async () => {
    const records: RequestRecord[] = [];
    host = await startHost({
      adapter,
      controllers: [Routes],
      options: {
        requestLog: {
          tuning: { flushIntervalMs: 5 },
          sink: { write: (batch) => Promise.resolve(void records.push(...batch)) },
        },
      },
    });
    await host.send({ from: '203.0.113.1' });
    await eventually(() => records.length === 1);
    expect(records[0]).toMatchObject({ path: '/', status: 200, outcome: 'served' });
  });

  it('does nothing where every part is switched off', async () => {
    host = await startHost({
      adapter,
      controllers: [Routes],
      options: { rules: false, requestLog: false, geo: false, rateLimits: false, detection: false },
    });
    await host.app.get(IpRuleService).block('203.0.113.7');
    expect((await host.send({ from: '203.0.113.7' })).status).toBe(200);
    expect(await host.rows(0)).toEqual([]);
  });

  it('reads its repositories and its DataSource by name', async () => {
    host = await startHost({ adapter, controllers: [Routes] });
    const dataSource = host.app.get<DataSource>(getDataSourceToken('ip-tracking'));
    await host.send({ from: '203.0.113.1' });
    await host.rows(1);
    const [row] = await dataSource.getRepository(RequestLog).find();
    expect(row).toMatchObject({ ipAddress: '203.0.113.1', ipSource: 'x-forwarded-for' });
    expect(row?.timestamp).toBeInstanceOf(Date);
  });

  it('serves while the database is down, and catches up when it is back', async () => {
    const server = await createTestServer();
    await server.stop('fast');
    host = await startHost({
      adapter,
      controllers: [Routes],
      options: {
        database: { url: server.url, connectTimeoutMs: 500, migrationsRun: true },
        rules: { startTimeoutMs: 300, pollIntervalMs: 200 },
      },
    });
    for (let count = 0; count < 20; count += 1) {
      expect((await host.send({ from: '203.0.113.1' })).status).toBe(200);
    }
    await server.start();
    const { default: pg } = await import('pg');
    const rows = await eventually(
      async () => {
        const client = new pg.Client({ connectionString: server.url });
        try {
          await client.connect();
          const { rows: found } = await client.query<{ count: string }>(
            'select count(*) from ip_tracking.request_log',
          );
          return found[0]?.count === '20' && found[0].count;
        } catch {
          return false;
        } finally {
          await client.end().catch(() => undefined);
        }
      },
      { withinMs: 20_000, what: 'the catch-up' },
    );
    expect(rows).toBe('20');
    await host.app.get(IpRuleService).block('203.0.113.1');
    expect((await host.send({ from: '203.0.113.1' })).status).toBe(403);
    await host.close();
    host = undefined;
    await server.close();
  });
});

describe('a misconfiguration is told when the app starts', () => {
  const base: IpTrackingOptions = { database: { url: 'postgres://127.0.0.1:1/none' } };
  const start = (options: unknown) =>
    startHost({
      adapter: 'express',
      database: { url: base.database, query: () => [], close: () => undefined } as never,
      module: () => IpTrackingModule.forRoot(options as IpTrackingOptions),
    });

  it.each<[unknown, string, RegExp]>([
    [
      { ...base, ratelimits: {} },
      'IPT_UNKNOWN_OPTION',
      /ratelimits is not an option\. Did you mean rateLimits\?/,
    ],
    [
      { ...base, rules: { mod: 'x' } },
      'IPT_UNKNOWN_OPTION',
      /rules\.mod is not an option\. Did you mean rules\.mode\?/,
    ],
    [
      { ...base, rules: { mode: 'blacklist' } },
      'IPT_INVALID_OPTION',
      /rules\.mode is "blacklist".*"blocklist"/,
    ],
    [
      { ...base, rules: { pollIntervalMs: 1 } },
      'IPT_INVALID_OPTION',
      /rules\.pollIntervalMs is 1: give a whole number of 100 or more/,
    ],
    [
      { ...base, rateLimits: { anonymous: -1 } },
      'IPT_INVALID_OPTION',
      /rateLimits\.anonymous is -1/,
    ],
    [{ ...base, identify: 'id' }, 'IPT_INVALID_OPTION', /^identify is "id": give a function/],
    [
      { ...base, sensitivePaths: ['admin'] },
      'IPT_INVALID_OPTION',
      /^sensitivePaths\[0\] is "admin"/,
    ],
    [{ ...base, geo: { provider: {} } }, 'IPT_INVALID_OPTION', /geo\.provider is an object/],
    [
      { ...base, requestLog: { tuning: { maxQueued: 1.5 } } },
      'IPT_INVALID_OPTION',
      /requestLog\.tuning\.maxQueued is 1\.5/,
    ],
    [
      { ...base, requestLog: { sampleServed: 10 } },
      'IPT_INVALID_OPTION',
      /requestLog\.sampleServed is 10: give a number from 0 to 1/,
    ],
    [
      { ...base, requestLog: { skipPaths: ['health'] } },
      'IPT_INVALID_OPTION',
      /requestLog\.skipPaths\[0\] is "health": give a path that begins with a slash/,
    ],
    [
      { ...base, requestLog: { enrich: {} } },
      'IPT_INVALID_OPTION',
      /requestLog\.enrich is an object: give a function/,
    ],
    [
      { ...base, requestLog: { tuning: { writeTimeoutMs: 5_000, answerTimeoutMs: 5_000 } } },
      'IPT_INVALID_OPTION',
      /requestLog\.tuning\.answerTimeoutMs is 5000: give more than requestLog\.tuning\.writeTimeoutMs/,
    ],
    [
      { ...base, requestLog: { tuning: { writeTimeoutMs: 40_000 } } },
      'IPT_INVALID_OPTION',
      /requestLog\.tuning\.writeTimeoutMs is 40000: give at most 30000, or raise database\.statementTimeoutMs/,
    ],
    [{}, 'IPT_INVALID_OPTION', /database is missing/],
    [
      { database: { url: undefined } },
      'IPT_INVALID_OPTION',
      /database\.url is undefined.*environment variable/,
    ],
    [
      { database: { url: 'mysql://root:hunter2@x/y' } },
      'IPT_INVALID_OPTION',
      /database\.url is not a PostgreSQL URL/,
    ],
    [
      { ...base, clientIp: { strategy: 'trusted-proxies', proxies: ['0.0.0.0/0'] } },
      'IPT_TRUST_ALL_PROXIES',
      /clientIp\.proxies trusts every IPv4 address/,
    ],
  ])('%j', async (options, code, message) => {
    const failure = await start(options).then(
      () => null,
      (error: unknown) => error as { code: string; message: string },
    );
    expect(failure?.code).toBe(code);
    expect(failure?.message).toMatch(message);
    expect(failure?.message).not.toContain('hunter2');
  });
});

describe('rules by country where nothing tells countries', () => {
  @BlockCountries('AQ')
  @Controller('far')
  class Decorated {
    @Get()
    get() {
      return 'far';
    }
  }

  it.each(ADAPTERS)('are an error when the app starts, on %s', async (adapter) => {
    const start = (host: Partial<HostOptions>) => startHost({ adapter, ...host });
    const cure = expect.stringMatching(/^geo is false, but rules\.blockCountries/);
    await expect(
      start({ options: { geo: false, rules: { blockCountries: ['AQ'] } } }),
    ).rejects.toMatchObject({ code: 'IPT_INVALID_OPTION', message: cure });
    await expect(
      start({ options: { geo: false }, controllers: [Decorated] }),
    ).rejects.toMatchObject({
      code: 'IPT_INVALID_OPTION',
      message: expect.stringContaining('Decorated'),
    });
  });
});
