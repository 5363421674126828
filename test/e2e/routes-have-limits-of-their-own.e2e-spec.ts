import { Controller, Get, HttpCode, Param, Post, UnauthorizedException } from '@nestjs/common';
import { SkipThrottle, Throttle } from '@nestjs/throttler';
import { afterEach, describe, expect, it } from 'vitest';
import {
  IpRuleService,
  IpTrackingError,
  LimitStoreUnavailableError,
  MemoryLimitStorage,
  RateLimit,
  Sensitive,
  type LimitStorage,
  type RateLimitOptions,
  type ThrottledRequest,
} from '../../src/index.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';

interface AnyRequest {
  headers: Record<string, string | undefined>;
}

@Controller()
class Routes {
  @Get('sensitive')
  @Sensitive()
  sensitive() {
    return 'sensitive';
  }

  @Get('limited')
  @RateLimit({ anonymous: 2 })
  limited() {
    return 'limited';
  }

  @Get('shared/:n')
  @RateLimit({ name: 'shared', anonymous: 2 })
  shared(@Param('n') n: string) {
    return n;
  }

  @Get('share-too')
  @RateLimit({ name: 'shared', anonymous: 2 })
  shareToo() {
    return 'too';
  }

  @Get('dear')
  @RateLimit({ anonymous: 5, cost: 2 })
  dear() {
    return 'dear';
  }

  @Get('never')
  @RateLimit({ anonymous: 0 })
  never() {
    return 'never';
  }

  @Get('always')
  @RateLimit({ anonymous: Infinity })
  always() {
    return 'always';
  }

  @Get('by-request')
  @RateLimit({
    anonymous: (request: AnyRequest) => Number(request.headers['x-limit']),
    ttlMs: () => 10_000,
  })
  byRequest() {
    return 'as you say';
  }

  @Get('blocks')
  @RateLimit({ anonymous: 1, ttlMs: 1_000, blockForMs: 60_000 })
  blocks() {
    return 'once';
  }

  @Post('login/:secret')
  @HttpCode(200)
  @RateLimit({ name: 'login', anonymous: 2, countOnly: 'failures' })
  login(@Param('secret') secret: string) {
    if (secret !== 'right') throw new UnauthorizedException();
    return 'in';
  }

  @Get('teapot/:status')
  @RateLimit({ anonymous: 1, countOnly: ({ status }) => status === 401 })
  teapot(@Param('status') status: string) {
    if (status === '401') throw new UnauthorizedException();
    return 'fine';
  }

  @Get('of-the-throttler')
  @Sensitive()
  @Throttle({ 'ip-tracking': { limit: 1, ttl: 5_000 } })
  ofTheThrottler() {
    return 'once';
  }

  @Get('skipped')
  @Sensitive()
  @SkipThrottle({ 'ip-tracking': true })
  skipped() {
    return 'skipped';
  }

  @Get('closed')
  @RateLimit({ failClosed: true })
  closed() {
    return 'closed';
  }

  @Get('plain')
  plain() {
    return 'plain';
  }
}

@Controller('whole')
@RateLimit({ anonymous: 1 })
class WholeController {
  @Get('a')
  a() {
    return 'a';
  }

  @Get('b')
  b() {
    return 'b';
  }

  @Get('own')
  @RateLimit({ anonymous: 2 })
  own() {
    return 'own';
  }
}

const FROM = '198.51.100.1';

describe.each(ADAPTERS)('on %s', (adapter) => {
  let host: Host;
  const clock = { now: 0 };
  const start = async (rateLimits: RateLimitOptions = {}) => {
    clock.now = 0;
    host = await startHost({
      adapter,
      controllers: [Routes, WholeController],
      options: {
        rateLimits: { storage: new MemoryLimitStorage({ now: () => clock.now }), ...rateLimits },
      },
    });
  };
  afterEach(() => host.close());
  const get = (path: string, headers: Record<string, string> = {}) =>
    host.send({ path, from: FROM, headers });
  const statuses = async (paths: string[]) => {
    const seen: number[] = [];
    for (const path of paths) seen.push((await get(path)).status);
    return seen;
  };

  it('a limit without a name is a bucket of its own', async () => {
    await start();
    expect(await statuses(['/limited', '/limited', '/limited'])).toEqual([200, 200, 429]);
    expect(await statuses(['/sensitive'])).toEqual([200]);
  });

  it('routes that share a name share a limit', async () => {
    await start();
    expect(await statuses(['/shared/1', '/share-too', '/shared/2'])).toEqual([200, 200, 429]);
  });

  it('a controller’s limit is one over its handlers, and a handler’s own replaces it', async () => {
    await start();
    expect(await statuses(['/whole/a', '/whole/b'])).toEqual([200, 429]);
    expect(await statuses(['/whole/own', '/whole/own', '/whole/own'])).toEqual([200, 200, 429]);
  });

  it('a dear request takes as many units as it costs', async () => {
    await start();
    expect(await statuses(['/dear', '/dear', '/dear'])).toEqual([200, 200, 429]);
    expect((await get('/dear')).headers['ratelimit']).toMatch(/;r=1;/);
  });

  it('a limit of 0 lets none pass, and Infinity all, which is not told', async () => {
    await start();
    const never = await get('/never');
    expect(never.status).toBe(429);
    expect(never.headers['ratelimit-policy']).toMatch(/;q=0;w=60$/);
    for (let i = 0; i < 20; i += 1) expect((await get('/always')).status).toBe(200);
    expect((await get('/always')).headers).not.toHaveProperty('ratelimit');
  });

  it('limits and windows may be functions of the request', async () => {
    await start();
    const three = { 'x-limit': '3' };
    const seen: number[] = [];
    for (let i = 0; i < 4; i += 1) seen.push((await get('/by-request', three)).status);
    expect(seen).toEqual([200, 200, 200, 429]);
    expect((await get('/by-request', three)).headers['ratelimit-policy']).toMatch(/;q=3;w=10$/);
    expect((await get('/by-request', { 'x-limit': '4' })).status).toBe(200);
    // What is no number is the default, and not "no limit".
    expect((await get('/by-request', { 'x-limit': 'x' })).headers['ratelimit-policy']).toMatch(
      /;q=5;w=10$/,
    );
  });

  it('a breach may block for longer than the window', async () => {
    await start();
    expect(await statuses(['/blocks', '/blocks'])).toEqual([200, 429]);
    clock.now = 59_999;
    const refused = await get('/blocks');
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBe('1');
    clock.now = 60_000;
    expect(await statuses(['/blocks'])).toEqual([200]);
  });

  it('of a login that counts failures only, successes are free', async () => {
    await start();
    const login = async (secret: string) => {
      const { status } = await host.send({ method: 'POST', path: `/login/${secret}`, from: FROM });
      return status;
    };
    let answered = 0;
    for (let i = 0; i < 6; i += 1) {
      expect(await login('right')).toBe(200);
      // The slot is given back when the response has closed, of which the log tells.
      await host.rows((answered += 1));
    }
    expect([await login('a'), await login('b'), await login('c')]).toEqual([401, 401, 429]);
    expect(await login('right')).toBe(429);
  });

  it('a function says of each answer whether it counts', async () => {
    await start();
    expect(await statuses(['/teapot/200'])).toEqual([200]);
    await host.rows(1);
    expect(await statuses(['/teapot/401', '/teapot/200'])).toEqual([401, 429]);
  });

  it('tell a client their limit on every answer', async () => {
    await start();
    const first = await get('/sensitive');
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"sensitive";q=5;w=60',
      ratelimit: '"sensitive";r=4;t=60',
    });
    expect(first.headers).not.toHaveProperty('retry-after');
    expect(first.headers).not.toHaveProperty('x-ratelimit-limit');
    clock.now = 12_500;
    expect((await get('/sensitive')).headers['ratelimit']).toBe('"sensitive";r=3;t=60');
    await statuses(['/sensitive', '/sensitive', '/sensitive']);
    const refused = await get('/sensitive');
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({
      'retry-after': '48',
      'ratelimit-policy': '"sensitive";q=5;w=60',
      ratelimit: '"sensitive";r=0;t=60',
    });
    expect(refused.headers['content-type']).toMatch(/^application\/json/);
    expect(refused.json()).toEqual({ statusCode: 429, message: 'Too Many Requests' });
    expect((await get('/plain')).headers).not.toHaveProperty('ratelimit');
  });

  it('tell it in the older fields too, or in none', async () => {
    await start({ headers: { legacy: true } });
    expect((await get('/sensitive')).headers).toMatchObject({
      ratelimit: '"sensitive";r=4;t=60',
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '60',
    });
    await host.close();
    await start({ headers: false, anonymous: 1 });
    expect((await get('/sensitive')).headers).not.toHaveProperty('ratelimit');
    const refused = await get('/sensitive');
    expect(refused.headers).toMatchObject({ 'retry-after': '60' });
    expect(refused.headers).not.toHaveProperty('ratelimit');
  });

  it.each(['guards', 'edge'] as const)(
    'answer as the host wishes, and tell it, checked at the %s',
    async (checkAt) => {
      const told: ThrottledRequest[] = [];
      await start({
        checkAt,
        anonymous: 1,
        refusal: ({ retryAfterMs, name }) => ({
          status: 503,
          headers: { 'X-Limit': name },
          body: `<p>Come back in ${retryAfterMs / 1_000} s</p>`,
        }),
        onThrottled: (throttled) => {
          told.push(throttled);
          throw new Error('of the host');
        },
      });
      expect((await get('/sensitive?q=1')).headers['ratelimit']).toBe('"sensitive";r=0;t=60');
      const refused = await get('/sensitive?q=1');
      expect(refused.status).toBe(503);
      expect(refused.text).toBe('<p>Come back in 60 s</p>');
      expect(refused.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'x-limit': 'sensitive',
        'retry-after': '60',
        ratelimit: '"sensitive";r=0;t=60',
      });
      expect(told).toEqual([
        {
          ipAddress: FROM,
          ipSource: 'x-forwarded-for',
          userId: null,
          method: 'GET',
          url: '/sensitive?q=1',
          name: 'sensitive',
          limit: 1,
          retryAfterMs: 60_000,
        },
      ]);
      expect((await host.rows(2)).map(({ outcome }) => outcome)).toEqual(['served', 'throttled']);
    },
  );

  it('exempt who has an allow rule, if they are told to', async () => {
    await start({ exemptAllowed: true });
    await host.app.get(IpRuleService).allow(FROM);
    expect(await statuses(Array<string>(7).fill('/sensitive'))).toEqual(Array(7).fill(200));
    await host.close();
    await start();
    await host.app.get(IpRuleService).allow(FROM);
    expect((await statuses(Array<string>(6).fill('/sensitive'))).at(-1)).toBe(429);
  });

  it('hold on every route where they are told to, but where a route is left out', async () => {
    await start({ routes: 'all' });
    expect(await statuses(['/plain', '/plain', '/plain', '/sensitive', '/plain'])).toEqual(
      Array(5).fill(200),
    );
    expect(await statuses(['/plain', '/sensitive', '/skipped'])).toEqual([429, 429, 200]);
    expect((await host.rows(8)).filter(({ sensitive }) => sensitive)).toHaveLength(3);
  });

  it('obey the decorators of @nestjs/throttler that name them', async () => {
    await start();
    expect(await statuses(['/of-the-throttler', '/of-the-throttler'])).toEqual([200, 429]);
    expect((await get('/of-the-throttler')).headers['retry-after']).toBe('5');
    expect(await statuses(Array<string>(7).fill('/skipped'))).toEqual(Array(7).fill(200));
  });

  it('are sensitive only where a route says so', async () => {
    await start();
    await statuses(['/limited', '/sensitive']);
    const rows = await host.rows(2);
    expect(rows.map(({ path, sensitive }) => [path, sensitive])).toEqual([
      ['/limited', false],
      ['/sensitive', true],
    ]);
  });

  it('with a store that is down answer 503 where they fail closed, and count alone elsewhere', async () => {
    const down = () => Promise.reject(new LimitStoreUnavailableError('the store is down'));
    const storage: LimitStorage = { hit: down, peek: down, release: down, reset: down };
    await start({ storage });
    const closed = await get('/closed');
    expect(closed.status).toBe(503);
    expect(closed.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    expect(await statuses(Array<string>(6).fill('/sensitive'))).toEqual([
      ...Array<number>(5).fill(200),
      429,
    ]);
    // Rows of one millisecond are in no order.
    expect((await host.rows(7)).map(({ outcome }) => outcome).sort()).toEqual([
      'failed',
      ...Array<string>(5).fill('served'),
      'throttled',
    ]);
  });
});

describe('a decorator that cannot be meant', () => {
  it.each([
    [{ anonymus: 3 }, /@RateLimit\(\)\.anonymus is not an option. Did you mean .*anonymous/],
    [{ anonymous: -1 }, /@RateLimit\(\)\.anonymous is -1: give a whole number of 0 or more/],
    [{ authenticated: 1.5 }, /@RateLimit\(\)\.authenticated is 1.5/],
    [{ ttlMs: 0 }, /@RateLimit\(\)\.ttlMs is 0: give a whole number of 1 or more/],
    [{ cost: 0 }, /@RateLimit\(\)\.cost is 0/],
    [{ name: 'a b' }, /@RateLimit\(\)\.name is "a b": give 1 to 64 letters/],
    [{ countOnly: 'failure' }, /@RateLimit\(\)\.countOnly is "failure": did you mean "failures"/],
  ])('%j is told when the class is loaded', (given, message) => {
    expect(() => RateLimit(given as never)).toThrow(IpTrackingError);
    expect(() => RateLimit(given as never)).toThrow(message);
  });
});
