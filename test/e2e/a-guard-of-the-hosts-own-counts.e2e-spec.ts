import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Inject,
  Injectable,
  Logger,
  type Type,
  UseGuards,
} from '@nestjs/common';
import type { ThrottlerLimitDetail, ThrottlerRequest } from '@nestjs/throttler';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  AuthThrottlerGuard,
  RateLimit,
  type RateLimitOptions,
  Sensitive,
} from '../../src/index.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';

interface AnyRequest {
  headers: Record<string, string | undefined>;
  user?: { id: string };
}

/** Knows whoever says so, as a guard of the host's that runs after the limits. */
const AUTHENTICATE: CanActivate = {
  canActivate(execution) {
    const request = execution.switchToHttp().getRequest<AnyRequest>();
    const user = request.headers['x-user'];
    if (user !== undefined) request.user = { id: user };
    return true;
  },
};

@Controller()
@UseGuards(AUTHENTICATE)
class Routes {
  @Get('login')
  @Sensitive()
  login() {
    return 'ok';
  }

  @Get('report')
  @RateLimit({ name: 'report', anonymous: 1 })
  report() {
    return 'ok';
  }

  @Get('plain')
  plain() {
    return 'ok';
  }
}

@Injectable()
class Tenants {
  readonly header = 'x-tenant';
}

/** Each key of an API is a client of its own. */
class ByApiKey extends AuthThrottlerGuard {
  /** Who was known each time it was asked. */
  static readonly asked: (string | undefined)[] = [];

  protected override async getTracker(
    request: Record<string, unknown>,
    execution: ExecutionContext,
  ): Promise<string> {
    const { headers, user } = request as unknown as AnyRequest;
    ByApiKey.asked.push(user?.id);
    const key = headers['x-api-key'];
    return key === undefined ? super.getTracker(request, execution) : `key:${key}`;
  }
}

/** Tenants share nothing, and all routes of one share everything. */
class ByTenant extends AuthThrottlerGuard {
  @Inject(Tenants) private readonly tenants!: Tenants;

  protected override generateKey(execution: ExecutionContext, tracker: string): string {
    const { headers } = execution.switchToHttp().getRequest<AnyRequest>();
    return `${headers[this.tenants.header]}/${tracker}`;
  }
}

class Enhances extends AuthThrottlerGuard {
  static readonly details: ThrottlerLimitDetail[] = [];

  protected override async throwThrottlingException(
    execution: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    Enhances.details.push(detail);
    if (execution.switchToHttp().getRequest<AnyRequest>().headers['x-forgiven']) return;
    throw new HttpException('Enhance your calm', 420);
  }
}

class SkipsTheOffice extends AuthThrottlerGuard {
  protected override async shouldSkip(execution: ExecutionContext): Promise<boolean> {
    return execution.switchToHttp().getRequest<AnyRequest>().headers['x-office'] === 'yes';
  }
}

class SaysWhy extends AuthThrottlerGuard {
  protected override async getErrorMessage(
    _: ExecutionContext,
    { limit, ttl }: ThrottlerLimitDetail,
  ): Promise<string> {
    return `no more than ${limit} in ${ttl / 1_000} s`;
  }
}

/** Half of what the policy says. */
class Halves extends AuthThrottlerGuard {
  protected override handleRequest(props: ThrottlerRequest): Promise<boolean> {
    return super.handleRequest({ ...props, limit: Math.ceil(props.limit / 2) });
  }
}

/** Counts by itself, with what @nestjs/throttler gives it. */
class CountsItself extends AuthThrottlerGuard {
  protected override async handleRequest(props: ThrottlerRequest): Promise<boolean> {
    const { context, throttler, ttl } = props;
    const { isBlocked } = await this.storageService.increment(
      'all',
      ttl,
      3,
      0,
      throttler.name ?? '',
    );
    if (isBlocked) throw new HttpException(`${context.getHandler().name} is busy`, 503);
    return true;
  }
}

class NotOurs {}

describe.each(ADAPTERS)('A guard of the host’s own, on %s,', (adapter) => {
  let host: Host | undefined;
  const start = async (guard: Type<object>, rateLimits: RateLimitOptions = {}) => {
    host = await startHost({
      adapter,
      controllers: [Routes],
      imports: [
        { module: class TenantModule {}, global: true, providers: [Tenants], exports: [Tenants] },
      ],
      options: {
        rateLimits: { ...rateLimits, guard: guard as NonNullable<RateLimitOptions['guard']> },
      },
    });
    return host;
  };
  afterEach(async () => {
    vi.restoreAllMocks();
    await host?.close();
    host = undefined;
  });
  const statuses = async (count: number, path: string, headers: Record<string, string> = {}) => {
    const seen: number[] = [];
    for (let i = 0; i < count; i += 1) {
      seen.push((await host!.send({ path, from: '198.51.100.1', headers })).status);
    }
    return seen;
  };
  const five = [200, 200, 200, 200, 200];

  it('names clients, before it is known who they are and after it', async () => {
    await start(ByApiKey);
    ByApiKey.asked.length = 0;
    const alice = { 'x-user': 'alice' };
    expect(await statuses(6, '/login', { 'x-api-key': 'a' })).toEqual([...five, 429]);
    expect(await statuses(1, '/login', { 'x-api-key': 'b' })).toEqual([200]);
    expect(ByApiKey.asked.slice(-2)).toEqual([undefined, undefined]);
    // Without a key it is as ever: the address's slot is given back once the user is known.
    expect(await statuses(8, '/login', alice)).toEqual([...five, 200, 200, 200]);
    expect(ByApiKey.asked.slice(-2)).toEqual([undefined, 'alice']);
    expect(await statuses(6, '/login')).toEqual([...five, 429]);
    ByApiKey.asked.length = 0;
    await statuses(1, '/plain');
    expect(ByApiKey.asked).toEqual([]);
  });

  it('names buckets, and is given what the host’s other providers are', async () => {
    await start(ByTenant);
    expect(await statuses(6, '/login', { 'x-tenant': 'a' })).toEqual([...five, 429]);
    expect(await statuses(1, '/report', { 'x-tenant': 'a' })).toEqual([429]);
    expect(await statuses(2, '/login', { 'x-tenant': 'b' })).toEqual([200, 200]);
  });

  it('throws what it likes, or nothing, and then the request is served', async () => {
    await start(Enhances);
    Enhances.details.length = 0;
    expect(await statuses(6, '/login')).toEqual([...five, 420]);
    expect(Enhances.details).toEqual([
      {
        limit: 5,
        ttl: 60_000,
        tracker: 'ip|198.51.100.1',
        key: 'sensitive|ip|198.51.100.1',
        totalHits: 6,
        isBlocked: true,
        timeToExpire: 60,
        timeToBlockExpire: 60,
      },
    ]);
    expect(await statuses(1, '/login', { 'x-forgiven': 'yes' })).toEqual([200]);
    const outcomes = (await host!.rows(7)).map(({ outcome }) => outcome);
    expect(outcomes.slice(-2)).toEqual(['throttled', 'served']);
  });

  it('passes over whom it wants, whatever guard is bound to the route besides', async () => {
    await start(SkipsTheOffice);
    expect(await statuses(7, '/login', { 'x-office': 'yes' })).toEqual([...five, 200, 200]);
    expect(await statuses(6, '/login')).toEqual([...five, 429]);
  });

  it('says in its own words what is too much', async () => {
    await start(SaysWhy);
    await statuses(5, '/login');
    const refused = await host!.send({ path: '/login', from: '198.51.100.1' });
    expect(refused.json()).toEqual({ statusCode: 429, message: 'no more than 5 in 60 s' });
    expect(refused.headers).toMatchObject({ 'retry-after': '60' });
  });

  it('changes what is counted, beginning with what the policy says', async () => {
    await start(Halves, { anonymous: 6 });
    expect(await statuses(4, '/login')).toEqual([200, 200, 200, 429]);
    expect(await statuses(2, '/report')).toEqual([200, 429]);
  });

  it('counts by itself, in the storage that the limits have', async () => {
    await start(CountsItself);
    expect(await statuses(2, '/login')).toEqual([200, 200]);
    expect(await statuses(2, '/report')).toEqual([200, 503]);
    expect(await statuses(1, '/plain')).toEqual([200]);
  });

  it('is passed by at the edge, which knows no handler yet, and counts by its names behind it', async () => {
    await start(ByApiKey, { checkAt: 'edge' });
    expect(await statuses(3, '/login', { 'x-api-key': 'a' })).toEqual([200, 200, 200]);
    expect(await statuses(6, '/login', { 'x-api-key': 'b' })).toEqual([...five, 429]);
    // The slots that the edge has taken of the address were given back.
    expect(await statuses(6, '/login')).toEqual([...five, 429]);
  });

  it('passes over whom it wants, although the edge has counted them', async () => {
    await start(SkipsTheOffice, { checkAt: 'edge' });
    expect(await statuses(9, '/login', { 'x-office': 'yes' })).toEqual(Array(9).fill(200));
    expect(await statuses(6, '/login')).toEqual([...five, 429]);
  });

  it('has to extend ours', async () => {
    await expect(start(NotOurs)).rejects.toMatchObject({
      code: 'IPT_INVALID_OPTION',
      message: expect.stringMatching(/rateLimits\.guard is NotOurs.*extends AuthThrottlerGuard/),
    });
  });

  it('is missed at boot where it is bound to a limited route and not installed', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    @Controller('bound')
    @UseGuards(ByApiKey)
    class Bound {
      @Get()
      @Sensitive()
      get() {
        return 'ok';
      }
    }
    host = await startHost({ adapter, controllers: [Bound] });
    expect(warn.mock.calls.map(([message]) => String(message))).toContainEqual(
      expect.stringMatching(/ByApiKey is bound to limited routes of Bound.*rateLimits\.guard/),
    );
  });
});
