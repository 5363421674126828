import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Injectable,
  Param,
  Post,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { IpRuleService, RateLimit, Sensitive } from '../../src/index.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';

interface AuthenticatedRequest {
  headers: Record<string, string | undefined>;
  user?: { id: string; isBanned?: boolean };
}

/** How often the host's authentication has been asked, and has answered. */
let asked = 0;

/** `Bearer alice` is alice, `Bearer wrong...` is refused, nothing is nobody. */
function authenticate(request: AuthenticatedRequest): boolean {
  asked += 1;
  const name = /^Bearer ([\w-]+)$/.exec(request.headers['authorization'] ?? '')?.[1];
  if (name === undefined || name.startsWith('wrong')) return false;
  request.user = { id: name };
  return true;
}

/** Who a token is of, for those that read it before any guard does. `made-up-1` and the like have hyphens. */
function bearerOf(request: unknown): string | undefined {
  const { headers } = request as AuthenticatedRequest;
  return /^Bearer (?!wrong)([\w-]+)$/.exec(headers['authorization'] ?? '')?.[1];
}

@Injectable()
class AuthGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    if (authenticate(execution.switchToHttp().getRequest())) return true;
    throw new UnauthorizedException();
  }
}

@Injectable()
class RolesGuard implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException();
  }
}

@Controller()
class PlainRoutes {
  @Get('account')
  @Sensitive()
  account() {
    return 'yours';
  }

  @Post('login')
  @Sensitive()
  login() {
    throw new UnauthorizedException();
  }
}

@Controller()
@UseGuards(AuthGuard)
class GuardOnController {
  @Get('account')
  @Sensitive()
  account() {
    return 'yours';
  }
}

@Controller()
class GuardAbove {
  @Get('account')
  @UseGuards(AuthGuard)
  @Sensitive()
  account() {
    return 'yours';
  }
}

@Controller()
@Sensitive()
class GuardBelow {
  @Get('account')
  @Sensitive()
  @UseGuards(AuthGuard)
  account() {
    return 'yours';
  }
}

/** A middleware that lets everybody pass, and notes who is known: a session. */
function session(request: IncomingMessage, _: ServerResponse, next: () => void): void {
  authenticate(request as unknown as AuthenticatedRequest);
  next();
}

/** A middleware that itself refuses who is not known. */
function wall(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (authenticate(request as unknown as AuthenticatedRequest)) next();
  else response.writeHead(401).end();
}

const WAYS: [string, Pick<HostOptions, 'controllers' | 'providers' | 'configure' | 'options'>][] = [
  [
    'in a global guard from a module',
    { controllers: [PlainRoutes], providers: [{ provide: APP_GUARD, useClass: AuthGuard }] },
  ],
  [
    'in a global guard of the app',
    { controllers: [PlainRoutes], configure: (app) => void app.useGlobalGuards(new AuthGuard()) },
  ],
  ['in a guard on the controller', { controllers: [GuardOnController] }],
  ['in a guard on the handler, above @Sensitive()', { controllers: [GuardAbove] }],
  ['in a guard on the handler, below @Sensitive()', { controllers: [GuardBelow] }],
  [
    'in a middleware that refuses, with checkAt: edge',
    {
      controllers: [PlainRoutes],
      configure: (app) => void app.use(wall),
      options: { rateLimits: { checkAt: 'edge' } },
    },
  ],
];

const times = (count: number, status: number) => Array<number>(count).fill(status);
const as = (user: string) => ({ authorization: `Bearer ${user}` });

describe.each(ADAPTERS)('on %s', (adapter) => {
  let host: Host;
  const start = async (options: Partial<HostOptions>) => {
    host = await startHost({ adapter, ...options });
    asked = 0;
  };
  afterEach(() => host.close());
  const statuses = async (count: number, request: Parameters<Host['send']>[0]) => {
    const seen: number[] = [];
    for (let i = 0; i < count; i += 1) seen.push((await host.send(request)).status);
    return seen;
  };
  const account = (from: string, user?: string) => ({
    path: '/account',
    from,
    headers: user === undefined ? {} : as(user),
  });

  describe.each(WAYS)('a host that authenticates %s', (_, way) => {
    it('answers five of 300 guesses at once, and its authentication sees no more', async () => {
      await start(way);
      const guesses = await Promise.all(
        Array.from({ length: 300 }, (__, i) => host.send(account('198.51.100.1', `wrong${i}`))),
      );
      expect(guesses.filter(({ status }) => status === 401)).toHaveLength(5);
      expect(guesses.filter(({ status }) => status === 429)).toHaveLength(295);
      expect(asked).toBe(5);
      const rows = await host.rows(300);
      expect(rows.filter(({ outcome }) => outcome === 'refused')).toHaveLength(5);
      expect(rows.filter(({ outcome }) => outcome === 'throttled')).toHaveLength(295);
    });

    it('keeps the slots of refused tokens, and gives back those of known users', async () => {
      await start(way);
      expect(await statuses(8, account('198.51.100.1', 'alice'))).toEqual(times(8, 200));
      expect(await statuses(6, account('198.51.100.1'))).toEqual([...times(5, 401), 429]);
    });

    it('serves a user ten times a minute, from wherever they come', async () => {
      await start(way);
      const seen: number[] = [];
      for (let i = 0; i < 12; i += 1) {
        seen.push((await host.send(account(`198.51.100.${i % 6}`, 'alice'))).status);
      }
      expect(seen).toEqual([...times(10, 200), 429, 429]);
      expect((await host.send(account('198.51.100.1', 'bob'))).status).toBe(200);
    });

    it('may refuse a user while their address is exhausted, because they are known only later', async () => {
      await start(way);
      await statuses(5, account('198.51.100.1', 'wrong'));
      expect((await host.send(account('198.51.100.1', 'alice'))).status).toBe(429);
      expect((await host.send(account('198.51.100.2', 'alice'))).status).toBe(200);
    });
  });

  describe.each<[string, Pick<HostOptions, 'configure' | 'options'>]>([
    ['by a middleware', { configure: (app) => void app.use(session) }],
    [
      'by identify',
      {
        options: {
          identify: bearerOf,
        },
      },
    ],
    [
      'by identify, at the edge',
      {
        options: {
          rateLimits: { checkAt: 'edge' },
          identify: bearerOf,
        },
      },
    ],
  ])('a user who is known before the check %s', (_, way) => {
    it('never depends on the bucket of their address', async () => {
      await start({ controllers: [PlainRoutes], ...way });
      expect(await statuses(6, { ...account('198.51.100.1'), path: '/account' })).toEqual([
        ...times(5, 200),
        429,
      ]);
      expect(await statuses(11, account('198.51.100.1', 'alice'))).toEqual([
        ...times(10, 200),
        429,
      ]);
      expect(await statuses(1, account('198.51.100.1'))).toEqual([429]);
    });
  });

  describe('a guard that says who somebody is and then refuses them', () => {
    @Controller()
    class Forbidden {
      @Get('account')
      @Sensitive()
      @UseGuards(AuthGuard, RolesGuard)
      account() {
        return 'never';
      }

      @Get('open')
      @Sensitive()
      @UseGuards(AuthGuard)
      open() {
        return 'open';
      }
    }

    it('frees nothing: of made-up ids no more are asked about than of nobody', async () => {
      await start({ controllers: [Forbidden] });
      const seen: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        seen.push((await host.send(account('198.51.100.1', `made-up-${i}`))).status);
        // What becomes of a slot is decided when the response has closed, of which the log tells.
        await host.rows(i + 1);
      }
      expect(seen).toEqual([...times(5, 403), ...times(15, 429)]);
    });

    it('charges nobody for it whose name somebody else has used', async () => {
      await start({ controllers: [Forbidden] });
      for (let i = 0; i < 12; i += 1) {
        await host.send(account(`198.51.100.${i}`, 'victim'));
        await host.rows(i + 1);
      }
      const own = { ...account('203.0.113.7', 'victim'), path: '/open' };
      expect(await statuses(10, own)).toEqual(times(10, 200));
    });

    it('leaves whoever was known before it to their own limit', async () => {
      await start({
        controllers: [Forbidden],
        options: { identify: bearerOf },
      });
      expect(await statuses(12, account('198.51.100.1', 'alice'))).toEqual([
        ...times(10, 403),
        429,
        429,
      ]);
      expect(await statuses(1, { path: '/open', from: '198.51.100.1' })).toEqual([401]);
    });
  });

  describe('a login that only counts failures', () => {
    @Controller()
    class Login {
      @Get('login/:secret')
      @RateLimit({ name: 'login', countOnly: 'failures' })
      login(@Param('secret') secret: string) {
        if (secret !== 'right') throw new UnauthorizedException();
        return 'in';
      }
    }
    const guess = (user: string | undefined, secret: string) => ({
      ...account('198.51.100.1', user),
      path: `/login/${secret}`,
    });

    it('cannot be guessed at with accounts of one’s own', async () => {
      await start({ controllers: [Login], options: { identify: bearerOf } });
      const seen: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        seen.push((await host.send(guess(`own-${i % 10}`, `guess-${i}`))).status);
        await host.rows(i + 1);
      }
      expect(seen).toEqual([...times(5, 401), ...times(15, 429)]);
      expect((await host.send(guess(undefined, 'right'))).status).toBe(429);
    });

    it('costs nobody anything who knows the secret', async () => {
      await start({ controllers: [Login], options: { identify: bearerOf } });
      for (let i = 0; i < 12; i += 1) {
        expect((await host.send(guess('alice', 'right'))).status).toBe(200);
        await host.rows(i + 1);
      }
    });
  });

  it('an attempt counts once, whatever guards of ours it meets', async () => {
    @Controller()
    @Sensitive()
    @RateLimit({ name: 'one' })
    class Twice {
      @Get('account')
      @Sensitive()
      @RateLimit({ name: 'two' })
      account() {
        return 'yours';
      }
    }
    await start({ controllers: [Twice], options: { rateLimits: { routes: 'all' } } });
    const { headers } = await host.send(account('198.51.100.1'));
    expect(headers['ratelimit']).toMatch(/^"two";r=4;/);
    expect(await statuses(5, account('198.51.100.1'))).toEqual([...times(4, 200), 429]);
  });

  it('a blocked client uses up nobody’s slots', async () => {
    await start({ controllers: [PlainRoutes] });
    const rules = host.app.get(IpRuleService);
    await rules.block('198.51.100.1');
    expect(await statuses(6, account('198.51.100.1'))).toEqual(times(6, 403));
    await rules.unblock('198.51.100.1');
    expect(await statuses(6, account('198.51.100.1'))).toEqual([...times(5, 200), 429]);
  });
});
