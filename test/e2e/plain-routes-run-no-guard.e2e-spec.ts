import {
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  BlockIps,
  IpRuleGuard,
  IpRuleService,
  RateLimit,
  Sensitive,
  SkipIpRules,
} from '../../src/index.js';
import { RateLimitGate } from '../../src/limits/rate-limit.gate.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';

const asked: string[] = [];

@Injectable()
class HostGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    asked.push(`host ${execution.getHandler().name}`);
    return true;
  }
}

@Controller()
class Plain {
  @Get('plain')
  plain() {
    return 'plain';
  }

  @Get('guarded')
  @UseGuards(HostGuard)
  guarded() {
    return 'guarded';
  }

  @Get('ruled')
  @BlockIps('192.0.2.0/24')
  ruled() {
    return 'ruled';
  }

  @Post('sensitive')
  @Sensitive()
  sensitive() {
    return 'sensitive';
  }

  @Get('both')
  @BlockIps('192.0.2.0/24')
  @Sensitive()
  both() {
    return 'both';
  }

  @Get('limited')
  @RateLimit({ anonymous: 2 })
  limited() {
    return 'limited';
  }
}

@Controller('open')
class Open {
  @Get()
  @SkipIpRules()
  open() {
    return 'open';
  }
}

@Module({ providers: [{ provide: APP_GUARD, useClass: HostGuard }] })
class HostGuards {}

/** Which of our guards a request asks, in their order, and the host's own between them. */
async function start(options: HostOptions): Promise<Host> {
  const host = await startHost({ controllers: [Plain], imports: [HostGuards], ...options });
  onTestFinished(() => host.close());
  await host.app.get(IpRuleService).block(BLOCKED);
  for (const [name, guard] of [
    ['rules', IpRuleGuard],
    ['limits', RateLimitGate],
  ] as const) {
    const before = guard.prototype.canActivate;
    const spy = vi.spyOn(guard.prototype, 'canActivate').mockImplementation(function (
      this: never,
      execution: ExecutionContext,
    ) {
      asked.push(name);
      return before.call(this, execution);
    });
    onTestFinished(() => spy.mockRestore());
  }
  return host;
}

async function askedBy(host: Host, method: string, path: string): Promise<string[]> {
  asked.length = 0;
  const { status } = await host.send({ method, path, from: FREE });
  expect(status).toBeLessThan(300);
  return [...asked];
}

describe.each(ADAPTERS)('global guards on %s', (adapter) => {
  it('are asked where they have something to say, and nowhere else', async () => {
    const host = await start({ adapter });
    expect(await askedBy(host, 'GET', '/plain')).toEqual(['host plain']);
    expect(await askedBy(host, 'GET', '/guarded')).toEqual(['host guarded', 'host guarded']);
    expect(await askedBy(host, 'GET', '/ruled')).toEqual(['rules', 'host ruled']);
    expect(await askedBy(host, 'POST', '/sensitive')).toEqual(['limits', 'host sensitive']);
    expect(await askedBy(host, 'GET', '/limited')).toEqual(['limits', 'host limited']);
    expect(await askedBy(host, 'GET', '/both')).toEqual(['rules', 'limits', 'host both']);
  });

  it('refuse and limit as before', async () => {
    const host = await start({ adapter });
    for (const path of ['/plain', '/guarded', '/ruled', '/limited']) {
      expect((await host.send({ path, from: BLOCKED })).status).toBe(403);
    }
    expect((await host.send({ path: '/ruled', from: '192.0.2.9' })).status).toBe(403);
    const statuses = [];
    for (let i = 0; i < 3; i += 1) {
      statuses.push((await host.send({ path: '/limited', from: FREE })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    expect((await host.rows(8)).filter(({ outcome }) => outcome === 'blocked')).toHaveLength(5);
  });

  it('of rules are asked everywhere in an app with an exempt route: what was let in for that one may land elsewhere', async () => {
    const host = await start({ adapter, controllers: [Plain, Open] });
    expect(await askedBy(host, 'GET', '/plain')).toEqual(['rules', 'host plain']);
    expect((await host.send({ path: '/open', from: BLOCKED })).status).toBe(200);
    expect((await host.send({ path: '/plain', from: BLOCKED })).status).toBe(403);
  });

  it('of limits are asked everywhere where those hold for all routes', async () => {
    const host = await start({
      adapter,
      options: { rateLimits: { routes: 'all', anonymous: 3, authenticated: 5 } },
    });
    expect(await askedBy(host, 'GET', '/plain')).toEqual(['limits', 'host plain']);
  });
});
