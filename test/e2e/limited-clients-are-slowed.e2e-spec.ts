import {
  type INestApplication,
  Controller,
  Get,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import {
  IpRuleService,
  Login,
  MemoryLimitStorage,
  SkipIpRules,
  type LimitStorage,
  type ThrottledRequest,
} from '../../src/index.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';

const LIMITED = '203.0.113.7';
const FREE = '198.51.100.1';

@Controller()
class SiteController {
  @Get()
  home(): string {
    return 'home';
  }

  @SkipIpRules()
  @Get('health')
  health(): string {
    return 'well';
  }

  @Login()
  @Post('login')
  login(): never {
    throw new UnauthorizedException();
  }
}

@WebSocketGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  echo(_: unknown, data: unknown) {
    return { event: 'echo', data };
  }
}

/** As a store elsewhere is: it answers later. */
function elsewhere(): LimitStorage {
  const memory = new MemoryLimitStorage();
  const later = <T>(answer: T): Promise<T> =>
    new Promise((resolve) => setTimeout(() => resolve(answer), 1));
  return {
    hit: (key, rule) => later(memory.hit(key, rule)),
    peek: (key, rule) => later(memory.peek(key, rule)),
    release: (key, slot) => later(memory.release(key, slot)),
    reset: (key) => later(memory.reset(key)),
  };
}

describe.each(ADAPTERS)('a limit rule on %s', (adapter) => {
  const start = async (
    options: HostOptions['options'] = {},
    more: Partial<HostOptions> = {},
  ): Promise<{ host: Host; rules: IpRuleService }> => {
    const host = await startHost({
      adapter,
      controllers: [SiteController],
      options: {
        stateDir: false,
        ...options,
        rules: { limitedPerMinute: 3, ...options.rules },
        detection: { cron: false },
      },
      ...more,
    });
    onTestFinished(() => host.close());
    return { host, rules: host.app.get(IpRuleService) };
  };
  const statuses = async (host: Host, paths: string[], from = LIMITED): Promise<number[]> => {
    const found: number[] = [];
    for (const path of paths) found.push((await host.send({ path, from })).status);
    return found;
  };

  it.each<[string, () => HostOptions['options']]>([
    ['in memory', () => ({})],
    ['elsewhere', () => ({ rateLimits: { storage: elsewhere() } })],
    ['with limits of routes switched off', () => ({ rateLimits: false })],
    ['with limits at the edge', () => ({ rateLimits: { checkAt: 'edge', storage: elsewhere() } })],
  ])('lets its client make so many requests a minute, anywhere; counted %s', async (_, options) => {
    const { host, rules } = await start(options());
    const { id } = await rules.limit(LIMITED, { reason: 'a crowd' });
    expect(await statuses(host, ['/', '/nothing', '/', '/', '/nothing'])).toEqual([
      200, 404, 200, 429, 429,
    ]);
    expect(await statuses(host, ['/', '/', '/', '/'], FREE)).toEqual([200, 200, 200, 200]);
    const refused = await host.send({ from: LIMITED });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.json()).toEqual({ statusCode: 429, message: 'Too Many Requests' });
    const rows = (await host.rows(10)).filter(({ ip_address }) => ip_address === LIMITED);
    expect(rows.map(({ outcome, reason, rule_id }) => [outcome, reason, rule_id])).toEqual([
      ['served', null, null],
      ['unmatched', null, null],
      ['served', null, null],
      ...Array.from({ length: 3 }, () => ['throttled', 'rule', id]),
    ]);
  });

  it('leaves what says @SkipIpRules() alone, and counts what does not', async () => {
    const { host, rules } = await start();
    await rules.limit(LIMITED);
    expect(await statuses(host, ['/health', '/health', '/health', '/health'])).toEqual([
      200, 200, 200, 200,
    ]);
    expect(await statuses(host, ['/', '/', '/', '/', '/health'])).toEqual([
      200, 200, 200, 429, 200,
    ]);
  });

  it('is beaten by an allow rule and by a block rule, and its end ends it', async () => {
    const { host, rules } = await start();
    await rules.limit('203.0.113.0/24');
    expect((await rules.explain(LIMITED)).decision).toMatchObject({ action: 'limit' });
    await rules.allow(LIMITED);
    expect(await statuses(host, ['/', '/', '/', '/'])).toEqual([200, 200, 200, 200]);
    await rules.disallow(LIMITED);
    expect(await statuses(host, ['/', '/', '/', '/'])).toEqual([200, 200, 200, 429]);
    await rules.block(LIMITED);
    expect(await statuses(host, ['/'])).toEqual([403]);
    await rules.unblock(LIMITED);
    expect(await statuses(host, ['/'])).toEqual([429]);
    // Each client of a network by itself.
    expect(await statuses(host, ['/'], '203.0.113.8')).toEqual([200]);
    await rules.unlimit('203.0.113.0/24');
    expect(await statuses(host, ['/'])).toEqual([200]);
  });

  it('tells pages of other origins, and the host', async () => {
    const told: ThrottledRequest[] = [];
    const { host, rules } = await start(
      { rateLimits: { onThrottled: (throttled) => told.push(throttled) } },
      { configure: (app) => app.enableCors({ origin: 'https://shop.example' }) },
    );
    await rules.limit(LIMITED);
    await statuses(host, ['/', '/', '/']);
    const { status, headers } = await host.send({
      from: LIMITED,
      headers: { origin: 'https://shop.example' },
    });
    expect(status).toBe(429);
    expect(headers['access-control-allow-origin']).toBe('https://shop.example');
    expect(told).toMatchObject([{ ipAddress: LIMITED, name: 'limit-rule', limit: 3 }]);
  });

  it.each<[string, () => HostOptions['options']]>([
    ['in memory', () => ({})],
    ['elsewhere', () => ({ rateLimits: { storage: elsewhere() } })],
  ])('counts handshakes and messages, counted %s', async (_, options) => {
    const { host, rules } = await start(options(), {
      providers: [EchoGateway],
      configure: (app: INestApplication) => void app.useWebSocketAdapter(new WsAdapter(app)),
    });
    await rules.limit(LIMITED);
    const connect = (): WebSocket =>
      new WebSocket(host.url.replace('http', 'ws'), { headers: { 'x-forwarded-for': LIMITED } });
    const socket = connect();
    onTestFinished(() => socket.terminate());
    const heard: string[] = [];
    socket.on('message', (data) => heard.push(String(data)));
    await once(socket, 'open');
    for (const data of [1, 2, 3, 4]) socket.send(JSON.stringify({ event: 'echo', data }));
    const rows = await host.rows(3);
    expect(heard.filter((message) => message.startsWith('{"event":"echo"'))).toEqual([
      '{"event":"echo","data":1}',
      '{"event":"echo","data":2}',
    ]);
    expect(rows.map(({ status, outcome }) => [status, outcome])).toEqual([
      [101, 'served'],
      [429, 'throttled'],
      [429, 'throttled'],
    ]);
    const [error] = (await once(connect(), 'error')) as [Error];
    expect(error.message).toContain('429');
  });
});
