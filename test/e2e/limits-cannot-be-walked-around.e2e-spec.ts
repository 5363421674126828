import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Head,
  Injectable,
  Post,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { SkipThrottle, Throttle } from '@nestjs/throttler';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RateLimit, Sensitive, type RateLimitOptions } from '../../src/index.js';
import { RateLimiter } from '../../src/limits/rate-limiter.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { RawSocket } from '../support/raw-socket.js';

interface AuthenticatedRequest {
  headers: Record<string, string | undefined>;
  user?: { id: string };
}

const FROM = '198.51.100.1';
/** How often a secret has been compared. */
let asked = 0;

/** Knows the user by their password, and only then compares the code of their second factor. */
@Injectable()
class PasswordGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    execution.switchToHttp().getRequest<AuthenticatedRequest>().user = { id: 'alice' };
    return true;
  }
}

@Injectable()
class CodeGuard implements CanActivate {
  canActivate(): boolean {
    asked += 1;
    throw new ForbiddenException();
  }
}

/** Puts the user where they belong before it has compared their password. */
@Injectable()
class HastyGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    const request = execution.switchToHttp().getRequest<AuthenticatedRequest>();
    request.user = { id: request.headers['x-user'] ?? 'nobody' };
    asked += 1;
    throw new UnauthorizedException();
  }
}

@Controller()
class Routes {
  @Get('code')
  @Sensitive()
  @UseGuards(PasswordGuard, CodeGuard)
  code() {
    return 'never';
  }

  @Get('hasty')
  @Sensitive()
  @UseGuards(HastyGuard)
  hasty() {
    return 'never';
  }

  @Get('account')
  @Sensitive()
  account() {
    return 'yours';
  }

  @Head('headed')
  @Sensitive()
  headed() {
    return 'yours';
  }

  @Get('skipped')
  @Sensitive()
  @SkipThrottle({ 'ip-tracking': true })
  skipped() {
    return 'skipped';
  }

  @Get('once')
  @Sensitive()
  @Throttle({ 'ip-tracking': { limit: 1, ttl: 5_000 } })
  once() {
    return 'once';
  }

  @Get('dear')
  @RateLimit({ anonymous: 100 })
  cheap() {
    return 'cheap';
  }

  @Post('dear')
  @RateLimit({ anonymous: 1 })
  dear() {
    return 'dear';
  }
}

/** A method of two controllers, of which one alone limits it. */
class Inherited {
  @Get()
  read() {
    return 'read';
  }
}

@Controller('mild')
class Mild extends Inherited {}

@Controller('strict')
@RateLimit({ anonymous: 1 })
class Strict extends Inherited {}

describe.each(ADAPTERS)('on %s', (adapter) => {
  let host: Host;
  const start = async (
    rateLimits: RateLimitOptions = {},
    configure: NonNullable<HostOptions['configure']> = () => {},
    options: HostOptions['options'] = {},
  ) => {
    host = await startHost({
      adapter,
      controllers: [Routes, Mild, Strict],
      options: { rateLimits, ...options },
      configure,
    });
    asked = 0;
  };
  afterEach(() => host.close());
  const statuses = async (count: number, path: string, headers: Record<string, string> = {}) => {
    const seen: number[] = [];
    for (let i = 0; i < count; i += 1) {
      seen.push((await host.send({ path, from: FROM, headers })).status);
      await host.rows(seen.length);
    }
    return seen;
  };

  it('a user whose second factor is refused does not get their address’s slots back', async () => {
    await start();
    const seen = await statuses(40, '/code');
    expect(seen).toEqual([...Array<number>(5).fill(403), ...Array<number>(35).fill(429)]);
    expect(asked).toBe(5);
  });

  it('who is only said to be a user, and refused with 401, keeps the slot of their address', async () => {
    await start();
    for (let i = 0; i < 20; i += 1) {
      await host.send({ path: '/hasty', from: FROM, headers: { 'x-user': `victim${i % 2}` } });
      await host.rows(i + 1);
    }
    expect(asked).toBe(5);
  });

  it('at the edge, a target in another form is the same route', async () => {
    const wall = (_: IncomingMessage, response: ServerResponse) => {
      asked += 1;
      response.writeHead(401).end();
    };
    await start({ checkAt: 'edge' }, (app) => void app.use(wall));
    const get = async (target: string) => {
      const socket = await RawSocket.toUrl(host.url);
      socket.write(
        `GET ${target} HTTP/1.1`,
        'Host: x',
        'Connection: close',
        `X-Forwarded-For: ${FROM}`,
      );
      return Number(/ (\d{3}) /.exec(await socket.untilClosed())?.[1]);
    };
    const seen: number[] = [];
    for (const target of [
      'http://x/account',
      'http://x/account?q',
      '/account',
      '/account?a#b',
      '/account#b',
    ]) {
      seen.push(await get(target));
    }
    expect(seen).toEqual(Array(5).fill(401));
    for (const target of ['http://x/account', '/account#b', '/account'])
      seen.push(await get(target));
    expect(seen.slice(5)).toEqual(Array(3).fill(429));
  });

  it('at the edge, a limiter that fails costs no request', async () => {
    await start({ checkAt: 'edge' });
    const limiter = host.app.get(RateLimiter);
    const reserve = vi.spyOn(limiter, 'reserve').mockRejectedValueOnce(new TypeError('of it'));
    expect((await host.send({ path: '/account', from: FROM })).status).toBe(200);
    // The guard counts what the edge has not.
    expect(reserve).toHaveBeenCalledTimes(2);
    reserve.mockRestore();
  });

  it('at the edge, HEAD routes are limited', async () => {
    const wall = (_: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(401).end();
    await start({ checkAt: 'edge' }, (app) => void app.use(wall));
    const seen: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      seen.push((await host.send({ method: 'HEAD', path: '/headed', from: FROM })).status);
    }
    expect(seen).toEqual([...Array<number>(5).fill(401), 429]);
  });

  it('at the edge, decorators of the throttler are obeyed', async () => {
    await start({ checkAt: 'edge', routes: 'all' });
    expect(await statuses(7, '/skipped')).toEqual(Array(7).fill(200));
    expect((await host.send({ path: '/once', from: '198.51.100.2' })).status).toBe(200);
    expect((await host.send({ path: '/once', from: '198.51.100.2' })).status).toBe(429);
  });

  it('at the edge, a method of two controllers has the limit of each', async () => {
    await start({ checkAt: 'edge' });
    expect(await statuses(3, '/mild')).toEqual([200, 200, 200]);
    expect((await host.send({ path: '/strict', from: FROM })).status).toBe(200);
    expect((await host.send({ path: '/strict', from: FROM })).status).toBe(429);
  });

  it('at the edge, a request that a middleware turns into another counts as what it has become', async () => {
    await start({ checkAt: 'edge' }, (app) => {
      if (adapter === 'express') {
        app.use((request: IncomingMessage, _: ServerResponse, next: () => void) => {
          request.method = (request.headers['x-http-method-override'] as string) ?? request.method;
          next();
        });
      }
    });
    if (adapter === 'fastify') return;
    const seen = await statuses(3, '/dear', { 'x-http-method-override': 'POST' });
    expect(seen).toEqual([201, 429, 429]);
  });

  it('async functions of the host that reject do not end the process', async () => {
    const rejections: unknown[] = [];
    const note = (error: unknown) => void rejections.push(error);
    process.on('unhandledRejection', note);
    const fail = (() => Promise.reject(new Error('of the host'))) as never;
    await start({ anonymous: fail, refusal: fail, onThrottled: fail }, undefined, {
      identify: fail,
    });
    expect(await statuses(6, '/account')).toEqual([...Array<number>(5).fill(200), 429]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', note);
    expect(rejections).toEqual([]);
  });

  it.each(['guards', 'edge'] as const)(
    'a header that cannot be sent is left out, at the %s',
    async (checkAt) => {
      await start({
        checkAt,
        anonymous: 1,
        refusal: () => ({
          headers: { 'x-name': 'Ж', 'x y': '1', 'x-split': 'a\r\nb: c', 'x-good': 'g' },
        }),
      });
      await statuses(1, '/account');
      const { status, headers } = await host.send({ path: '/account', from: FROM });
      expect(status).toBe(429);
      expect(headers).toMatchObject({ 'x-good': 'g' });
      expect(headers).not.toHaveProperty('x-split');
    },
  );

  it('a refusal is not for caches', async () => {
    await start({ anonymous: 1 }, (app) => {
      app.use((_: IncomingMessage, response: ServerResponse, next: () => void) => {
        response.setHeader('cache-control', 'public, max-age=600');
        next();
      });
    });
    await statuses(1, '/account');
    const { status, headers } = await host.send({ path: '/account', from: FROM });
    expect([status, headers['cache-control']]).toEqual([429, 'no-store']);
  });
});
