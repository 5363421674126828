import {
  Controller,
  Get,
  type INestApplication,
  type LoggerService,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  AllowCountries,
  AllowIps,
  AllowlistOnly,
  AuthThrottlerGuard,
  BlockCountries,
  BlockIps,
  ClientIp,
  Geo,
  IpRuleGuard,
  IpTrackingModule,
  LimitInterceptor,
  RateLimit,
  RequestLogInterceptor,
  Sensitive,
  SkipIpRules,
  SkipRequestLog,
  type IpTrackingOptions,
} from '../../src/index.js';
import { ADAPTERS, type Adapter } from '../support/host-app.js';
import { send } from '../support/http.js';
import { createTestDatabase } from '../support/postgres.js';

/** Each decorator on a route of its own, and all that a controller can be given. */
@Controller()
class Everything {
  @Get('sensitive')
  @Sensitive()
  sensitive() {
    return 'served';
  }

  @Get('rate-limit')
  @RateLimit({ name: 'none', anonymous: 0 })
  rateLimit() {
    return 'served';
  }

  @Get('allow-ips')
  @AllowIps('10.0.0.0/8')
  allowIps() {
    return 'served';
  }

  @Get('block-ips')
  @BlockIps('127.0.0.0/8', '::1')
  blockIps() {
    return 'served';
  }

  @Get('allow-countries')
  @AllowCountries('DE')
  allowCountries() {
    return 'served';
  }

  @Get('block-countries')
  @BlockCountries('DE')
  blockCountries() {
    return 'served';
  }

  @Get('allowlist-only')
  @AllowlistOnly()
  allowlistOnly() {
    return 'served';
  }

  @Get('logged')
  @UseInterceptors(RequestLogInterceptor)
  logged() {
    return 'served';
  }

  @Get('skipping')
  @SkipIpRules()
  @SkipRequestLog()
  skipping() {
    return 'served';
  }

  @Get('parameters')
  parameters(@ClientIp() ip: string | null, @Geo() place: object | null) {
    return ip === null && place === null ? 'served' : 'something is known';
  }
}

const ROUTES = [
  'sensitive',
  'rate-limit',
  'allow-ips',
  'block-ips',
  'allow-countries',
  'block-countries',
  'allowlist-only',
  'logged',
  'skipping',
  'parameters',
];

class MyGuard extends AuthThrottlerGuard {
  protected override getTracker(): Promise<string> {
    return Promise.resolve('mine');
  }
}

function controllerWith(decorator: ClassDecorator): Type {
  class One {
    get() {
      return 'served';
    }
  }
  Get('one')(One.prototype, 'get', Object.getOwnPropertyDescriptor(One.prototype, 'get')!);
  decorator(One);
  Controller()(One);
  return One;
}

class Said implements LoggerService {
  readonly warnings: string[] = [];
  log() {}
  error() {}
  warn(message: string) {
    this.warnings.push(message);
  }
}

async function listening(
  builder: TestingModuleBuilder,
  adapter: Adapter = 'express',
): Promise<string> {
  const module = await builder.compile();
  const app: INestApplication =
    adapter === 'express'
      ? module.createNestApplication()
      : module.createNestApplication(new FastifyAdapter());
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  return (await app.getUrl()).replace('[::1]', '127.0.0.1');
}

afterEach(() => vi.unstubAllEnvs());

describe('a controller in an app without the module', () => {
  it.each(ADAPTERS)('is served on %s, as if nothing of ours were on it', async (adapter) => {
    const url = await listening(
      Test.createTestingModule({ controllers: [Everything], providers: [MyGuard] }),
      adapter,
    );
    for (const route of ROUTES) {
      const served = await send(url, `/${route}`);
      expect.soft([route, served.status, served.text]).toEqual([route, 200, 'served']);
      expect(served.headers['ratelimit']).toBeUndefined();
    }
  });

  it('is warned about once, whatever is bound and however often', async () => {
    vi.resetModules();
    // The warning is one of the process: as a test in a file of its own would see it.
    const fresh = await import('../../src/index.js');
    const common = await import('@nestjs/common');
    const testing = await import('@nestjs/testing');
    const said = new Said();
    for (const decorator of [
      fresh.AllowIps('10.0.0.0/8'),
      fresh.Sensitive(),
      fresh.Sensitive(),
      common.UseInterceptors(fresh.RequestLogInterceptor),
    ]) {
      const controllers = [controllerWith(decorator)];
      await testing.Test.createTestingModule({ controllers }).setLogger(said).compile();
    }
    expect(said.warnings).toEqual([
      expect.stringMatching(/^IpRuleGuard is bound to a handler, but IpTrackingModule is not/),
    ]);
  });

  it.each<[string, ClassDecorator]>([
    ['@Sensitive()', Sensitive()],
    ['@RateLimit()', RateLimit()],
    ['@AllowIps()', AllowIps('10.0.0.0/8')],
    ['@BlockIps()', BlockIps('10.0.0.0/8')],
    ['@AllowCountries()', AllowCountries('DE')],
    ['@BlockCountries()', BlockCountries('DE')],
    ['@AllowlistOnly()', AllowlistOnly()],
    ['LimitInterceptor', UseInterceptors(LimitInterceptor)],
    ['RequestLogInterceptor', UseInterceptors(RequestLogInterceptor)],
  ])('does not start in production with %s: nothing would be guarded', async (_, decorator) => {
    vi.stubEnv('NODE_ENV', 'production');
    const controllers = [controllerWith(decorator)];
    await expect(Test.createTestingModule({ controllers }).compile()).rejects.toMatchObject({
      code: 'IPT_MODULE_MISSING',
      message: expect.stringContaining('import IpTrackingModule.forRoot(...)'),
    });
  });

  it('is made where a test has replaced what is bound', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    const asked: string[] = [];
    const guard = (name: string) => ({ canActivate: () => asked.push(name) > 0 });
    const interceptor = (name: string) => ({
      intercept: (_: unknown, next: { handle(): unknown }) => {
        asked.push(name);
        return next.handle();
      },
    });
    const url = await listening(
      Test.createTestingModule({ controllers: [Everything] })
        .overrideGuard(AuthThrottlerGuard)
        .useValue(guard('AuthThrottlerGuard'))
        .overrideGuard(IpRuleGuard)
        .useValue(guard('IpRuleGuard'))
        .overrideInterceptor(LimitInterceptor)
        .useValue(interceptor('LimitInterceptor'))
        .overrideInterceptor(RequestLogInterceptor)
        .useValue(interceptor('RequestLogInterceptor')),
    );
    for (const path of ['/sensitive', '/allow-ips', '/logged']) {
      expect((await send(url, path)).text).toBe('served');
    }
    expect(asked).toEqual([
      'AuthThrottlerGuard',
      'LimitInterceptor',
      'IpRuleGuard',
      'RequestLogInterceptor',
    ]);
  });
});

describe.each(ADAPTERS)('a test of an app with the module on %s', (adapter) => {
  async function builder(
    rateLimits: object = {},
    geo: IpTrackingOptions['geo'] = { provider: { name: 'nowhere', lookup: () => null } },
  ): Promise<TestingModuleBuilder> {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    return Test.createTestingModule({
      imports: [
        IpTrackingModule.forRoot({
          database: { url: database.url },
          geo,
          stateDir: false,
          rateLimits,
        }),
      ],
      controllers: [Everything],
    });
  }

  it('is told at the start of its app what the routes ask for in vain', async () => {
    const made = await builder({}, false);
    await expect(listening(made, adapter)).rejects.toMatchObject({
      message: expect.stringContaining('Everything has rules by country'),
    });
  });

  it('guards what nobody has replaced', async () => {
    const url = await listening(await builder(), adapter);
    expect((await send(url, '/rate-limit')).status).toBe(429);
    expect((await send(url, '/allow-ips')).status).toBe(403);
  });

  it.each([{}, { checkAt: 'edge' }])(
    'limits nothing where the guard is replaced: %o',
    async (limits) => {
      let asked = 0;
      const canActivate = () => {
        asked += 1;
        return true;
      };
      const made = await builder(limits);
      const url = await listening(
        made.overrideGuard(AuthThrottlerGuard).useValue({ canActivate }),
        adapter,
      );
      expect((await send(url, '/rate-limit')).text).toBe('served');
      expect(asked).toBe(1);
      expect((await send(url, '/allow-ips')).status).toBe(403);
    },
  );

  it("leaves out the routes' own rules where their guard is replaced", async () => {
    const made = await builder();
    const url = await listening(
      made.overrideGuard(IpRuleGuard).useValue({ canActivate: () => true }),
      adapter,
    );
    expect((await send(url, '/allow-ips')).text).toBe('served');
    expect((await send(url, '/rate-limit')).status).toBe(429);
  });
});

describe('the guard of limits', () => {
  it('survives an app that starts without options for it', async () => {
    const module = await Test.createTestingModule({ providers: [MyGuard] }).compile();
    const app = module.createNestApplication();
    onTestFinished(() => app.close());
    await expect(app.init()).resolves.toBeDefined();
    await expect(module.get(MyGuard).canActivate({} as never)).resolves.toBe(true);
  });
});
