import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import {
  Controller,
  type DynamicModule,
  Get,
  type INestApplication,
  Injectable,
  Module,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  AllowCountries,
  AllowIps,
  ClientIp,
  DetectionService,
  Geo,
  IpRuleService,
  IpTrackingModule,
  IpTrackingStatus,
  PrivacyService,
  RateLimit,
  RateLimitService,
  RequestLogService,
  Sensitive,
  SkipIpRules,
  type GeoPlace,
} from '../../src/index.js';
import { IpTrackingTesting, IpTrackingTestingModule } from '../../src/testing/entry.js';
import { ADAPTERS, type Adapter } from '../support/host-app.js';
import { send } from '../support/http.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const CLIENT = '203.0.113.7';
const OTHER = '198.51.100.1';

@Controller()
class Routes {
  @Get()
  home(@ClientIp() ip: string | null, @Geo() place: GeoPlace | null) {
    return { ip, ...place };
  }

  @Get('account')
  @Sensitive()
  account() {
    return 'account';
  }

  @Get('twice')
  @RateLimit({ name: 'twice', anonymous: 2, ttlMs: 3_600_000, blockForMs: 7_200_000 })
  twice() {
    return 'twice';
  }

  @Get('inside')
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'inside';
  }

  @Get('german')
  @AllowCountries('DE')
  german() {
    return 'german';
  }

  @Get('health')
  @SkipIpRules()
  health() {
    return 'health';
  }
}

interface TestedApp {
  tracking: IpTrackingTesting;
  module: TestingModule;
  app: INestApplication;
  status(path: string, headers?: Record<string, string>): Promise<number>;
  text(path: string): Promise<string>;
}

async function tested(
  module: TestingModule,
  tracking: IpTrackingTesting,
  adapter: Adapter,
): Promise<TestedApp> {
  const app: INestApplication =
    adapter === 'express'
      ? module.createNestApplication()
      : module.createNestApplication(new FastifyAdapter());
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    tracking,
    module,
    app,
    status: async (path, headers) => (await send(url, { path, headers: headers ?? {} })).status,
    text: async (path) => (await send(url, path)).text,
  };
}

type Options = Parameters<typeof IpTrackingTestingModule.forRoot>[0];

async function start(adapter: Adapter, options: Options = {}): Promise<TestedApp> {
  const module = await Test.createTestingModule({
    imports: [IpTrackingTestingModule.forRoot(options)],
    controllers: [Routes],
  }).compile();
  return tested(module, module.get(IpTrackingTesting), adapter);
}

afterEach(() => vi.restoreAllMocks());

describe.each(ADAPTERS)('an app in memory on %s', (adapter) => {
  it('has the client and the place that the test says, and can change them', async () => {
    const { text, tracking } = await start(adapter, {
      client: CLIENT,
      place: { country: 'DE', city: 'Ulm' },
    });
    expect(JSON.parse(await text('/'))).toEqual({ ip: CLIENT, country: 'DE', city: 'Ulm' });
    expect(await text('/german')).toBe('german');
    tracking.place = (ip) => ({ country: ip === OTHER ? 'FR' : 'DE' });
    tracking.client = OTHER;
    expect(JSON.parse(await text('/'))).toEqual({ ip: OTHER, country: 'FR', city: null });
    tracking.client = null;
    expect(JSON.parse(await text('/'))).toEqual({ ip: null });
    tracking.client = undefined;
    expect(JSON.parse(await text('/'))).toMatchObject({ ip: '127.0.0.1' });
  });

  it('takes a client of each request from what the request says', async () => {
    const { status } = await start(adapter, {
      client: ({ headers }) => String(headers?.['x-client']),
      rules: { block: [CLIENT] },
    });
    expect(await status('/', { 'x-client': CLIENT })).toBe(403);
    expect(await status('/', { 'x-client': OTHER })).toBe(200);
  });

  it('decides by real rules, from the start and as they change', async () => {
    const { status, app, tracking } = await start(adapter, {
      client: CLIENT,
      rules: { block: ['203.0.113.0/24'], allow: ['203.0.113.8'] },
    });
    expect(await status('/')).toBe(403);
    expect(await status('/nowhere')).toBe(403);
    expect(await status('/health')).toBe(200);
    tracking.client = '203.0.113.8';
    expect(await status('/')).toBe(200);
    expect(await status('/inside')).toBe(403);

    tracking.client = OTHER;
    const rules = app.get(IpRuleService);
    const { id } = await rules.block(OTHER, { forMs: 60_000, reason: 'a minute' });
    expect(await status('/')).toBe(403);
    expect((await rules.explain(OTHER)).rule).toMatchObject({ id, reason: 'a minute' });
    tracking.advance(59_999);
    expect(await status('/')).toBe(403);
    tracking.advance(1);
    expect(await status('/')).toBe(200);
    expect((await rules.list()).map(({ network }) => network)).toEqual([
      '203.0.113.8/32',
      '203.0.113.0/24',
    ]);
    await rules.unblock('203.0.113.0/24');
    tracking.client = CLIENT;
    expect(await status('/')).toBe(200);
  });

  it('has modes, countries and pages as rules says', async () => {
    const { status, tracking } = await start(adapter, {
      client: CLIENT,
      place: { country: 'FR' },
      rules: { mode: 'allowlist', allow: [OTHER], refusal: () => ({ status: 451 }) },
    });
    expect(await status('/')).toBe(451);
    tracking.client = OTHER;
    expect(await status('/')).toBe(200);
  });

  it('counts by real limits, in a time that the test moves', async () => {
    const { status, tracking, app } = await start(adapter, { client: CLIENT });
    const statuses = async (path: string, count: number) => {
      const found: number[] = [];
      for (let i = 0; i < count; i += 1) found.push(await status(path));
      return found;
    };
    expect(await statuses('/account', 6)).toEqual([200, 200, 200, 200, 200, 429]);
    tracking.advance(59_999);
    expect(await status('/account')).toBe(429);
    tracking.advance(1);
    expect(await statuses('/account', 6)).toEqual([200, 200, 200, 200, 200, 429]);
    await app.get(RateLimitService).resetLimits(CLIENT);
    expect(await status('/account')).toBe(200);

    expect(await statuses('/twice', 3)).toEqual([200, 200, 429]);
    tracking.advance(3_600_000);
    expect(await status('/twice')).toBe(429);
    tracking.advance(3_600_000);
    expect(await status('/twice')).toBe(200);
    tracking.client = OTHER;
    expect(await statuses('/twice', 3)).toEqual([200, 200, 429]);
  });

  it('has other limits, or none, where the test says so', async () => {
    const strict = await start(adapter, { client: CLIENT, limits: { anonymous: 0 } });
    expect(await strict.status('/account')).toBe(429);
    const none = await start(adapter, { client: CLIENT, limits: false, rules: false });
    for (let i = 0; i < 12; i += 1) expect(await none.status('/account')).toBe(200);
  });

  it('keeps its log in an array, by the clock of the test', async () => {
    const now = new Date('2026-03-04T05:06:07Z');
    const { status, tracking, app } = await start(adapter, {
      now,
      client: CLIENT,
      place: { country: 'DE' },
      rules: { block: [OTHER] },
    });
    await status('/account?secret=1');
    tracking.advance(60_000);
    await status('/nowhere');
    tracking.client = OTHER;
    await status('/');
    expect(await tracking.logged(3)).toBe(tracking.log);
    expect(tracking.log).toMatchObject([
      {
        timestamp: now,
        ipAddress: CLIENT,
        method: 'GET',
        path: '/account',
        route: '/account',
        status: 200,
        outcome: 'served',
        sensitive: true,
        country: 'DE',
      },
      { timestamp: new Date('2026-03-04T05:07:07Z'), path: '/nowhere', outcome: 'unmatched' },
      { ipAddress: OTHER, status: 403, outcome: 'blocked', reason: 'rule', ruleId: 1 },
    ]);
    expect(tracking.now).toEqual(new Date('2026-03-04T05:07:07Z'));
    expect(app.get(RequestLogService).stats).toMatchObject({ enqueued: 3, spool: 'off' });
    tracking.log.length = 0;
    await status('/health');
    expect(await tracking.logged(1)).toHaveLength(1);
    await expect(tracking.logged(2, 10)).rejects.toThrow(
      'the log has 1 of 2 records after 10 ms: GET /health 200',
    );
  });

  it('gives all that the module exports, on no database', async () => {
    const { app } = await start(adapter, { client: CLIENT });
    expect(await app.get(DetectionService).scanOnce()).toBeNull();
    expect(await app.get(DetectionService).findings()).toEqual([]);
    expect(await app.get(PrivacyService).eraseAddress(CLIENT)).toMatchObject({ requests: 0 });
    expect(app.get(IpTrackingStatus).read()).toMatchObject({
      rules: { from: 'database', size: 0, isOut: false },
      notifications: null,
      limits: { shared: null },
    });
  });

  it('reaches for no database and leaves nothing on disk', async () => {
    const reached = vi.spyOn(Client.prototype, 'connect');
    const folder = temporaryFolder('in-memory');
    onTestFinished(() => folder.remove());
    vi.stubEnv('XDG_STATE_HOME', folder.path);
    vi.stubEnv('TMPDIR', folder.path);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { status, app, tracking } = await start(adapter, { rules: { block: [CLIENT] } });
    await status('/account');
    await tracking.logged(1);
    await app.close();
    expect(reached).not.toHaveBeenCalled();
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

/** An app as a host has it, with its own options, which lead to a database and a Redis that are not there. */
@Injectable()
class Users {
  canActivate() {
    return true;
  }
}

@Module({
  imports: [
    IpTrackingModule.forRootAsync({
      useFactory: () => ({
        database: { url: 'postgres://127.0.0.1:1/none' },
        clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
        rules: { refusal: () => ({ status: 451 }) },
        rateLimits: { anonymous: 1, redis: { url: 'redis://127.0.0.1:1' } },
        requestLog: { skipPaths: ['/health'], enrich: () => ({ by: 'the host' }) },
      }),
    }),
  ],
  controllers: [Routes],
  providers: [{ provide: APP_GUARD, useClass: Users }],
})
class AppModule {}

describe.each(ADAPTERS)("a host's own app in memory on %s", (adapter) => {
  async function startApp(options?: Options, root: Type | DynamicModule = AppModule) {
    const builder = Test.createTestingModule({ imports: [root] });
    const tracking = IpTrackingTestingModule.override(builder, options);
    return tested(await builder.compile(), tracking, adapter);
  }

  it('keeps what it is configured to, but for what leaves memory', async () => {
    const reached = vi.spyOn(Client.prototype, 'connect');
    const { status, tracking } = await startApp({ rules: { block: [CLIENT] } });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    expect(await status('/', from(CLIENT))).toBe(451);
    expect(await status('/account', from(OTHER))).toBe(200);
    expect(await status('/account', from(OTHER))).toBe(429);
    await status('/health', from(OTHER));
    tracking.advance(60_000);
    expect(await status('/account', from(OTHER))).toBe(200);
    expect((await tracking.logged(4)).map(({ status: code, extra }) => [code, extra])).toEqual([
      [451, { by: 'the host' }],
      [200, { by: 'the host' }],
      [429, { by: 'the host' }],
      [200, { by: 'the host' }],
    ]);
    expect(reached).not.toHaveBeenCalled();
  });

  it('is given other limits, rules and clients by the test', async () => {
    const { status } = await startApp({
      client: CLIENT,
      limits: { anonymous: 2 },
      rules: { refusal: () => ({ status: 404 }) },
    });
    expect([await status('/account'), await status('/account'), await status('/account')]).toEqual([
      200, 200, 429,
    ]);
    expect(await status('/inside')).toBe(404);
  });

  it('says so where there is no module to have in memory', async () => {
    const { tracking } = await startApp({}, { module: class Empty {} });
    await expect(tracking.logged(1, 10)).rejects.toThrow('the app has no IpTrackingModule');
  });
});

describe('a module in memory', () => {
  const compile = (options?: Options) =>
    Test.createTestingModule({ imports: [IpTrackingTestingModule.forRoot(options)] }).compile();

  it('decides as soon as it is compiled, without an app', async () => {
    const module = await compile({
      rules: { block: ['203.0.113.0/24'] },
      place: { country: 'DE' },
    });
    const rules = module.get(IpRuleService);
    expect(rules.decide(CLIENT).action).toBe('block');
    expect(rules.decide(OTHER).action).toBe('allow');
    expect((await rules.explain(CLIENT)).country).toBe('DE');
    await rules.unblock('203.0.113.0/24');
    expect(rules.decide(CLIENT).action).toBe('allow');
  });

  it('does what the table does with rules of one network, and refuses what it would', async () => {
    const module = await compile();
    const rules = module.get(IpRuleService);
    const first = await rules.block('203.0.113.0/24', { reason: 'one' });
    const again = await rules.block('203.0.113.99/24', { reason: 'two' });
    expect(again).toMatchObject({ id: first.id, reason: 'two', createdAt: first.createdAt });
    await rules.block('203.0.113.0/24', { source: 'feed', forMs: 1_000 });
    expect(await rules.list()).toHaveLength(2);
    await expect(rules.unblock(CLIENT)).rejects.toThrow('203.0.113.0/24 covers it');
    await expect(rules.block('0.0.0.0/0')).rejects.toMatchObject({ code: 'IPT_RULE_TOO_WIDE' });
    await rules.allow('203.0.113.64/26');
    await expect(rules.block('203.0.113.0/25', { isAutomatic: true })).rejects.toMatchObject({
      code: 'IPT_RULE_PROTECTED',
    });
    module.get(IpTrackingTesting).advance(1_000);
    expect(await rules.list()).toHaveLength(2);
    expect(await rules.list({ includeExpired: true })).toHaveLength(3);
    expect(await rules.unblock('203.0.113.0/24')).toHaveLength(2);
  });

  it('is compiled in less than 100 ms of processor time', async () => {
    // What is loaded for the first time is not the module's doing.
    await compile();
    const before = process.cpuUsage();
    for (let i = 0; i < 5; i += 1) await compile({ rules: { block: ['203.0.113.0/24'] } });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 5_000).toBeLessThan(100);
  });

  it.each([
    [{ nwo: 1 }, 'IPT_UNKNOWN_OPTION', /Did you mean now\?/],
    [{ now: new Date(Number.NaN) }, 'IPT_INVALID_OPTION', /^now is .*: give a Date/],
    [{ client: 'localhost' }, 'IPT_INVALID_IP', /^client "localhost" is not an IP address/],
    [{ place: 'DE' }, 'IPT_INVALID_OPTION', /^place is "DE"/],
    [{ rules: { block: ['10.0.0.0/33'] } }, 'IPT_INVALID_PREFIX', /"10.0.0.0\/33"/],
    [{ rules: { blok: [] } }, 'IPT_UNKNOWN_OPTION', /Did you mean rules.block\?/],
    [
      { rules: { block: CLIENT } },
      'IPT_INVALID_OPTION',
      /^rules.block is "203.0.113.7": give a list/,
    ],
    [{ limits: { redis: {} } }, 'IPT_UNKNOWN_OPTION', /^limits.redis is not an option/],
  ])('refuses the options %j', (options, code, message) => {
    const expected = { code, message: expect.stringMatching(message) };
    expect(() => IpTrackingTestingModule.forRoot(options as Options)).toThrow(
      expect.objectContaining(expected),
    );
  });

  it('lets time pass forward alone', async () => {
    const tracking = (await compile({ now: 5 })).get(IpTrackingTesting);
    for (const ms of [-1, Number.NaN, Infinity]) {
      expect(() => tracking.advance(ms)).toThrow(RangeError);
    }
    expect(tracking.now.getTime()).toBe(5);
  });

  it('counts once for itself: apps of one process have nothing in common', async () => {
    const one = await compile({ rules: { block: [CLIENT] } });
    const two = await compile();
    expect(one.get(IpRuleService).decide(CLIENT).action).toBe('block');
    expect(two.get(IpRuleService).decide(CLIENT).action).toBe('allow');
    expect(one.get(IpTrackingTesting)).not.toBe(two.get(IpTrackingTesting));
  });

  it('is torn down with a client that is still connected', async () => {
    const { app } = await start('express', {});
    const { port } = new URL(await app.getUrl());
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.destroy();
    await expect(app.close()).resolves.toBeUndefined();
  });
});
