import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Post,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryLimitStorage, Sensitive } from '../../src/index.js';
import {
  ADAPTERS,
  startHost,
  type Adapter,
  type Host,
  type HostOptions,
} from '../support/host-app.js';

interface AuthenticatedRequest {
  headers: Record<string, string | undefined>;
  user?: { id?: string; sub?: string };
}

/** `Authorization: Bearer alice` is alice; anything else is nobody. */
@Injectable()
class BearerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const id = /^Bearer (\w+)$/.exec(request.headers['authorization'] ?? '')?.[1];
    if (id === undefined) throw new UnauthorizedException();
    request.user = { id };
    return true;
  }
}

@Injectable()
class OptionalBearerGuard extends BearerGuard {
  override canActivate(context: ExecutionContext): boolean {
    const { authorization } = context.switchToHttp().getRequest<AuthenticatedRequest>().headers;
    return authorization === undefined || super.canActivate(context);
  }
}

@Controller()
class Routes {
  @Get('anyone')
  @Sensitive()
  anyone() {
    return 'hello';
  }

  @Get('anyone-else')
  @Sensitive()
  anyoneElse() {
    return 'hello';
  }

  @Post('login')
  @Sensitive()
  login() {
    throw new UnauthorizedException();
  }

  @Get('free')
  free() {
    return 'as often as you like';
  }
}

@Controller('account')
@Sensitive()
class AccountRoutes {
  @Get()
  @UseGuards(BearerGuard)
  account() {
    return 'yours';
  }
}

const statuses = async (host: Host, count: number, request: Parameters<Host['send']>[0]) => {
  const seen: number[] = [];
  for (let i = 0; i < count; i += 1) seen.push((await host.send(request)).status);
  return seen;
};
const times = (count: number, status: number) => Array<number>(count).fill(status);
const as = (user: string) => ({ authorization: `Bearer ${user}` });

describe.each(ADAPTERS)('sensitive routes on %s', (adapter: Adapter) => {
  let host: Host;
  const start = async (options: Partial<HostOptions> = {}) => {
    host = await startHost({
      adapter,
      controllers: [Routes, AccountRoutes],
      providers: [BearerGuard],
      ...options,
    });
    return host;
  };
  afterEach(() => host.close());

  it('serve an anonymous address five times a minute, over all of them, then answer 429', async () => {
    await start();
    expect(await statuses(host, 3, { path: '/anyone', from: '198.51.100.1' })).toEqual(
      times(3, 200),
    );
    expect(await statuses(host, 3, { path: '/anyone-else', from: '198.51.100.1' })).toEqual([
      200, 200, 429,
    ]);
    const refused = await host.send({ path: '/anyone', from: '198.51.100.1' });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(58);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(await statuses(host, 8, { path: '/free', from: '198.51.100.1' })).toEqual(times(8, 200));
    expect((await host.send({ path: '/anyone', from: '198.51.100.2' })).status).toBe(200);
  });

  it('count failed logins: after five 401s the sixth answer is 429', async () => {
    await start();
    const login = { method: 'POST', path: '/login', from: '198.51.100.1' };
    expect(await statuses(host, 6, login)).toEqual([...times(5, 401), 429]);
  });

  it('count refused tokens where the host authenticates on the handler', async () => {
    await start();
    const guess = { path: '/account', from: '198.51.100.1', headers: { authorization: 'Bearer' } };
    expect(await statuses(host, 6, guess)).toEqual([...times(5, 401), 429]);
  });

  it('serve a user ten times a minute wherever they come from, authenticated on the handler', async () => {
    await start();
    const seen: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      const from = `198.51.100.${1 + (i % 4)}`;
      seen.push((await host.send({ path: '/account', from, headers: as('alice') })).status);
    }
    expect(seen).toEqual([...times(10, 200), 429, 429]);
    // Their address is free again: every slot was given back once they were known.
    expect(await statuses(host, 5, { path: '/anyone', from: '198.51.100.1' })).toEqual(
      times(5, 200),
    );
  });

  it('serve a user ten times a minute, authenticated by a global guard', async () => {
    await start({ providers: [{ provide: APP_GUARD, useClass: OptionalBearerGuard }] });
    const asAlice = { path: '/anyone', from: '198.51.100.1', headers: as('alice') };
    expect(await statuses(host, 11, asAlice)).toEqual([...times(10, 200), 429]);
    expect((await host.send({ ...asAlice, headers: as('bob') })).status).toBe(200);
    expect(await statuses(host, 6, { path: '/anyone', from: '198.51.100.1' })).toEqual([
      ...times(5, 200),
      429,
    ]);
  });

  it('serve a user whom the host identifies earlier', async () => {
    await start({
      options: {
        identify: (request) => (request as AuthenticatedRequest).headers['x-user'] ?? null,
      },
    });
    const asAlice = { path: '/anyone', from: '198.51.100.1', headers: { 'x-user': 'alice' } };
    expect(await statuses(host, 11, asAlice)).toEqual([...times(10, 200), 429]);
    expect((await host.send({ path: '/anyone', from: '198.51.100.1' })).status).toBe(200);
    const users = (await host.rows(12)).map(({ user_id }) => user_id);
    expect(users.filter((user) => user === 'alice')).toHaveLength(11);
  });

  it('count IPv6 clients by their /64, and mapped addresses as IPv4', async () => {
    await start();
    const seen: number[] = [];
    for (let i = 1; i <= 6; i += 1) {
      seen.push((await host.send({ path: '/anyone', from: `2001:db8::${i}` })).status);
    }
    expect(seen).toEqual([...times(5, 200), 429]);
    expect((await host.send({ path: '/anyone', from: '2001:db8:0:1::1' })).status).toBe(200);
    await statuses(host, 4, { path: '/anyone', from: '198.51.100.1' });
    expect(await statuses(host, 2, { path: '/anyone', from: '::ffff:198.51.100.1' })).toEqual([
      200, 429,
    ]);
  });

  it('serve again once the window has passed', async () => {
    const clock = { now: 0 };
    await start({
      options: { rateLimits: { storage: new MemoryLimitStorage({ now: () => clock.now }) } },
    });
    const request = { path: '/anyone', from: '198.51.100.1' };
    expect(await statuses(host, 6, request)).toEqual([...times(5, 200), 429]);
    clock.now += 59_999;
    expect((await host.send(request)).status).toBe(429);
    clock.now += 1;
    expect(await statuses(host, 6, request)).toEqual([...times(5, 200), 429]);
  });

  it('let 5 of 200 requests at once through', async () => {
    await start();
    const responses = await Promise.all(
      Array.from({ length: 200 }, () =>
        host.send({ method: 'POST', path: '/login', from: '198.51.100.1' }),
      ),
    );
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(responses.filter(({ status }) => status === 429)).toHaveLength(195);
  });

  it('are not limited where limits are switched off', async () => {
    await start({ options: { rateLimits: false } });
    expect(await statuses(host, 20, { path: '/anyone', from: '198.51.100.1' })).toEqual(
      times(20, 200),
    );
    expect((await host.rows(20)).every(({ sensitive }) => sensitive)).toBe(true);
  });

  it('take the limits that the host configures', async () => {
    await start({ options: { rateLimits: { anonymous: 2, authenticated: 3 } } });
    expect(await statuses(host, 3, { path: '/anyone', from: '198.51.100.1' })).toEqual([
      200, 200, 429,
    ]);
    const asAlice = { path: '/account', from: '198.51.100.2', headers: as('alice') };
    expect(await statuses(host, 4, asAlice)).toEqual([200, 200, 200, 429]);
  });
});
