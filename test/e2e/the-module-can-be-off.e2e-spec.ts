import { readdirSync } from 'node:fs';
import {
  Controller,
  Get,
  Injectable,
  Module,
  type DynamicModule,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { getDataSourceToken, getRepositoryToken } from '@nestjs/typeorm';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Client } from 'pg';
import { type DataSource } from 'typeorm';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  AllowIps,
  AuthThrottlerGuard,
  ClientIp,
  DetectionService,
  GeoService,
  IP_TRACKING_ENTITIES,
  IpRuleGuard,
  IpRuleService,
  IpTrackingModule,
  IpTrackingStatus,
  PrivacyService,
  RateLimit,
  RateLimitService,
  RequestLogInterceptor,
  RequestLogService,
  Sensitive,
  type IpTrackingOptions,
} from '../../src/index.js';
import { runCli } from '../support/cli.js';
import { ADAPTERS, type Adapter } from '../support/host-app.js';
import { send } from '../support/http.js';
import { createTestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

@Controller()
class Routes {
  @Get('inside')
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'served';
  }

  @Get('limited')
  @RateLimit({ name: 'none', anonymous: 0 })
  limited() {
    return 'served';
  }

  @Get('sensitive')
  @Sensitive()
  @UseInterceptors(RequestLogInterceptor)
  sensitive(@ClientIp() ip: string | null) {
    return ip ?? 'served';
  }
}

const OFF = { enabled: false } as const;

async function create(
  imports: (Type | DynamicModule)[],
  adapter: Adapter = 'express',
  controllers: Type[] = [],
) {
  const app = await NestFactory.create(
    { module: class Host {}, imports, controllers },
    adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
    { logger: false, abortOnError: false },
  );
  onTestFinished(() => app.close());
  return app;
}

afterEach(() => vi.restoreAllMocks());

describe.each(ADAPTERS)('a module that is off on %s', (adapter) => {
  it('stands in the way of nobody, reaches for no database and leaves nothing on disk', async () => {
    const connect = vi.spyOn(Client.prototype, 'connect');
    const folder = temporaryFolder('off');
    onTestFinished(() => folder.remove());
    vi.stubEnv('XDG_STATE_HOME', folder.path);
    vi.stubEnv('TMPDIR', folder.path);
    onTestFinished(() => void vi.unstubAllEnvs());
    const app = await create([IpTrackingModule.forRoot(OFF)], adapter, [Routes]);
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    for (const path of ['/inside', '/limited', '/sensitive', '/sensitive']) {
      const served = await send(url, path);
      expect.soft([path, served.status, served.text]).toEqual([path, 200, 'served']);
      expect(served.headers['ratelimit']).toBeUndefined();
    }
    expect((await send(url, '/nowhere')).status).toBe(404);
    await app.close();
    expect(connect).not.toHaveBeenCalled();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('gives whatever it exports, and all of that does nothing', async () => {
    const app = await create([IpTrackingModule.forRoot(OFF)], adapter);
    await app.init();

    const rules = app.get(IpRuleService);
    expect(await rules.block('203.0.113.0/24', { reason: 'no' })).toMatchObject({
      id: 0,
      action: 'block',
      network: '203.0.113.0/24',
      reason: 'no',
      expiresAt: null,
    });
    expect(await rules.allow('203.0.113.7')).toMatchObject({ id: 0, action: 'allow' });
    expect(await rules.monitor('203.0.113.7')).toMatchObject({ id: 0, action: 'monitor' });
    expect(await rules.list()).toEqual([]);
    expect(rules.decide('203.0.113.7').action).toBe('allow');
    expect(await rules.explain('203.0.113.7')).toMatchObject({
      decision: { action: 'allow' },
      rule: null,
      otherRules: [],
    });
    await expect(rules.unblock('203.0.113.7')).rejects.toMatchObject({
      code: 'IPT_RULE_NOT_FOUND',
    });
    await expect(rules.block('203.0.113.700')).rejects.toMatchObject({
      code: 'IPT_INVALID_PREFIX',
    });

    expect(await app.get(RateLimitService).resetLimits('203.0.113.7')).toEqual({
      hadCounted: false,
      processes: 0,
    });

    const detection = app.get(DetectionService);
    expect(await detection.scanOnce()).toBeNull();
    expect((await detection.scan()).findings).toEqual([]);
    expect(await detection.findings()).toEqual([]);

    const log = app.get(RequestLogService);
    expect(log.stats).toMatchObject({ enqueued: 0, queued: 0, spool: 'off' });
    expect(await log.flush(1_000)).toBe(0);
    expect(await log.prune({ retentionDays: 1, rollupRetentionDays: 1 })).toEqual({
      keptFrom: null,
      isLeftToAnother: false,
      dropped: [],
      busy: [],
      late: [],
      deletedRows: 0,
      deletedFigures: 0,
    });
    await expect(log.listStranded()).rejects.toMatchObject({ code: 'IPT_STATE_UNKNOWN' });

    const privacy = app.get(PrivacyService);
    expect(await privacy.eraseAddress('203.0.113.7')).toEqual({
      ipAddress: '203.0.113.7',
      requests: 0,
      findings: 0,
      spooled: 0,
      keptRules: 0,
      banEvents: 0,
    });
    for await (const row of privacy.exportAddress('203.0.113.7')) expect(row).toBeNull();

    expect(app.get(GeoService).lookup(null)).toEqual({ country: null, city: null });
    expect(app.get(IpTrackingStatus).read()).toEqual({
      rules: null,
      notifications: null,
      requestLog: null,
      partitionsUntil: null,
      limits: null,
      geo: null,
      lastScan: expect.objectContaining({ findings: 0, error: null }),
      watch: null,
    });

    const execution = {} as never;
    expect(app.get(IpRuleGuard).canActivate(execution)).toBe(true);
    const guard = app.get(AuthThrottlerGuard, { strict: false });
    expect(guard).toBeInstanceOf(AuthThrottlerGuard);

    const dataSource = app.get<DataSource>(getDataSourceToken('ip-tracking'));
    expect(dataSource.isInitialized).toBe(false);
    for (const entity of IP_TRACKING_ENTITIES) {
      expect(app.get(getRepositoryToken(entity, 'ip-tracking'))).toBeDefined();
    }
  });
});

describe('the options of a module that is off', () => {
  it('are checked by their names alone', async () => {
    const options: IpTrackingOptions = {
      ...OFF,
      database: { url: undefined as never },
      clientIp: { strategy: 'trusted-proxies', proxies: [] },
      rules: { pollIntervalMs: -1 },
    };
    await (await create([IpTrackingModule.forRoot(options)])).init();
    await (
      await create([IpTrackingModule.forRootAsync({ useFactory: () => ({ enabled: false }) })])
    ).init();
    const misspelt = { ...OFF, rulez: false };
    await expect(create([IpTrackingModule.forRoot(misspelt)])).rejects.toMatchObject({
      code: 'IPT_UNKNOWN_OPTION',
    });
    const wrong = { enabled: 'no' } as never;
    await expect(create([IpTrackingModule.forRoot(wrong)])).rejects.toMatchObject({
      code: 'IPT_INVALID_OPTION',
    });
  });

  it('need a database again where it is on', async () => {
    await expect(
      create([IpTrackingModule.forRoot({ enabled: true } as never)]),
    ).rejects.toMatchObject({ message: expect.stringContaining('database is missing') });
  });
});

describe('the module', () => {
  const again = (...imports: (Type | DynamicModule)[]) => {
    @Module({ imports })
    class Feature {}
    return Feature;
  };

  it('says what to do where it is imported twice', async () => {
    const feature = again(IpTrackingModule.forRoot(OFF));
    await expect(create([IpTrackingModule.forRoot(OFF), feature])).rejects.toMatchObject({
      code: 'IPT_IMPORTED_TWICE',
      message: expect.stringContaining(
        'imported 2 times in one app, by forRoot() or by its class: keep one',
      ),
    });
  });

  it('says what to do where its class is imported', async () => {
    await expect(create([IpTrackingModule])).rejects.toMatchObject({
      code: 'IPT_IMPORTED_TWICE',
      message: expect.stringContaining('by its class, and so has no options'),
    });
    await expect(
      create([IpTrackingModule.forRoot(OFF), again(IpTrackingModule)]),
    ).rejects.toMatchObject({ message: expect.stringContaining('imported 2 times') });
  });

  it('may be the same one in several places, and in several apps of a process', async () => {
    const one = IpTrackingModule.forRoot(OFF);
    await expect((await create([one, again(one)])).init()).resolves.toBeDefined();
    await expect((await create([one])).init()).resolves.toBeDefined();
  });
});

describe('a provider of the host', () => {
  it('is given what the module exports, in any module', async () => {
    @Injectable()
    class Uses {
      constructor(readonly rules: IpRuleService) {}
    }
    const feature: DynamicModule = {
      module: class Feature {},
      providers: [
        {
          provide: Uses,
          inject: [IpRuleService],
          useFactory: (rules: IpRuleService) => new Uses(rules),
        },
      ],
    };
    const app = await create([feature, IpTrackingModule.forRoot(OFF)]);
    expect(await app.get(Uses, { strict: false }).rules.list()).toEqual([]);
  });
});

describe('a command where the environment says that the module is off', () => {
  it('says so and changes nothing', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const environment = { IP_TRACKING_DATABASE_URL: database.url };
    for (const IP_TRACKING_ENABLED of ['false', '0', ' False ']) {
      const { code, stdout, stderr } = await runCli(['block-ip', '203.0.113.7'], {
        ...environment,
        IP_TRACKING_ENABLED,
      });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^ip-tracking: the module is off here .*nothing was changed/);
    }
    expect(await database.query('select * from ip_tracking.ip_rule')).toEqual([]);
    const on = await runCli(['block-ip', '203.0.113.7'], {
      ...environment,
      IP_TRACKING_ENABLED: 'true',
    });
    expect(on.code).toBe(0);
    const help = await runCli(['--help'], { IP_TRACKING_ENABLED: 'false' });
    expect(help.code).toBe(0);
  });
});
