import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { join } from 'node:path';
import fastifyCors from '@fastify/cors';
import { All, Controller, Get, type INestApplication, Options } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import cors from 'cors';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  AllowIps,
  type IpTrackingOptions,
  IpRuleService,
  IpTrackingModule,
  RateLimit,
  SkipIpRules,
} from '../../src/index.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';
import { send } from '../support/http.js';
import { createTestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';
const ORIGIN = 'https://shop.example';
const FORBIDDEN = { statusCode: 403, message: 'Forbidden' };

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Options('options')
  options() {
    return 'answered';
  }

  @All('all')
  all() {
    return 'answered';
  }

  @Get('inside')
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'inside';
  }

  @Get('limited')
  @RateLimit({ name: 'limited', anonymous: 1 })
  limited() {
    return 'ok';
  }
}

@Controller('open')
@SkipIpRules()
class OpenRoutes {
  @Get(':name')
  open() {
    return 'open';
  }

  @Options('options')
  options() {
    return 'open';
  }
}

async function start(
  adapter: Adapter,
  configure: (app: INestApplication) => unknown,
  options: Partial<IpTrackingOptions> = {},
): Promise<Host> {
  const host = await startHost({
    adapter,
    controllers: [Routes, OpenRoutes],
    options,
    configure: (app) => void configure(app),
  });
  onTestFinished(() => host.close());
  await host.app.get(IpRuleService).block(BLOCKED);
  return host;
}

const preflight = (path: string, from = BLOCKED) => ({
  method: 'OPTIONS',
  path,
  from,
  headers: {
    origin: ORIGIN,
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'x-token',
  },
});
const ordinary = (path: string, from = BLOCKED) => ({ path, from, headers: { origin: ORIGIN } });
const originOf = ({ headers }: { headers: IncomingMessage['headers'] }) =>
  headers['access-control-allow-origin'];

describe.each(ADAPTERS)('where the host has CORS settings on %s', (adapter) => {
  const withCors = (options?: Partial<IpTrackingOptions>) =>
    start(
      adapter,
      (app) => app.enableCors({ origin: ORIGIN, credentials: true, methods: 'GET,PUT' }),
      options,
    );

  it('they answer the preflight of a blocked client as anybody else’s, and it has its row', async () => {
    const told: string[] = [];
    const host = await withCors({ rules: { onBlocked: ({ url }) => told.push(url) } });
    for (const path of ['/', '/nowhere', '/options', '/open/x']) {
      const free = await host.send(preflight(path, FREE));
      const blocked = await host.send(preflight(path));
      expect(blocked.status).toBe(204);
      const same = (headers: IncomingMessage['headers']) =>
        Object.fromEntries(
          Object.entries(headers).filter(([name]) => /^(vary|access-control-|content-)/.test(name)),
        );
      expect(same(blocked.headers)).toEqual(same(free.headers));
      expect(blocked.headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET,PUT',
        'access-control-allow-headers': 'x-token',
      });
    }
    const rows = await host.rows(8);
    expect(rows.map(({ method, status, outcome }) => `${method} ${status} ${outcome}`)).toEqual(
      rows.map(() => 'OPTIONS 204 served'),
    );
    expect(told).toEqual([]);
  });

  it('a refusal carries them, wherever it comes from', async () => {
    const host = await withCors();
    for (const path of ['/', '/nowhere', '/open']) {
      const refused = await host.send(ordinary(path));
      expect(refused.status).toBe(403);
      expect(refused.json()).toEqual(FORBIDDEN);
      expect(refused.headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-credentials': 'true',
        'cache-control': 'no-store',
      });
      expect(refused.headers).not.toHaveProperty('access-control-allow-methods');
    }
    const byGuard = await host.send(ordinary('/inside', FREE));
    expect([byGuard.status, originOf(byGuard)]).toEqual([403, ORIGIN]);
    const rows = await host.rows(4);
    expect(rows.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'blocked'));
  });

  it('so does a refusal by a limit, at the guards and at the edge', async () => {
    for (const checkAt of ['guards', 'edge'] as const) {
      const host = await withCors({ rateLimits: { checkAt } });
      expect((await host.send(ordinary('/limited', FREE))).status).toBe(200);
      const refused = await host.send(ordinary('/limited', FREE));
      expect([refused.status, originOf(refused)]).toEqual([429, ORIGIN]);
      expect(refused.headers).toHaveProperty('retry-after');
    }
  });

  it('they are not asked where no browser asks', async () => {
    const host = await withCors();
    expect(originOf(await host.send({ from: BLOCKED }))).toBeUndefined();
    for (const headers of [
      { origin: ORIGIN },
      { 'access-control-request-method': 'PUT' },
      {},
    ] as Record<string, string>[]) {
      const response = await host.send({ method: 'OPTIONS', path: '/', from: BLOCKED, headers });
      expect(response.status).toBe(403);
      expect(response.json()).toEqual(FORBIDDEN);
    }
  });

  it('a static file under an exempt pattern is refused with them', async () => {
    const folder = temporaryFolder('static');
    onTestFinished(() => folder.remove());
    writeFileSync(join(folder.path, 'file.txt'), 'secret');
    const host = await start(adapter, (app) => {
      app.enableCors({ origin: ORIGIN });
      app.use('/open', express.static(folder.path));
    });
    const refused = await host.send(ordinary('/open/file.txt'));
    expect([refused.status, originOf(refused)]).toEqual([403, ORIGIN]);
    expect(refused.json()).toEqual(FORBIDDEN);
    const open = await host.send(ordinary('/open/x'));
    expect([open.text, originOf(open)]).toEqual(['open', ORIGIN]);
  });

  it('nobody but they answers a preflight: not a handler that they leave it to', async () => {
    const host = await start(adapter, (app) =>
      app.enableCors({ origin: ORIGIN, preflightContinue: true }),
    );
    for (const path of ['/options', '/all', '/nowhere', '/']) {
      const refused = await host.send(preflight(path));
      expect([refused.status, originOf(refused)]).toEqual([403, ORIGIN]);
      expect(refused.json()).toEqual(FORBIDDEN);
    }
    // But for the one that is exempt.
    expect(await host.send(preflight('/open/options'))).toMatchObject({
      status: 200,
      text: 'open',
    });
    const rows = await host.rows(5);
    expect(rows.map(({ outcome }) => outcome)).toEqual([
      ...Array<string>(4).fill('blocked'),
      'served',
    ]);
  });

  it('they may be a function that takes its time, or says no', async () => {
    const host = await start(adapter, (app) =>
      app.enableCors({
        origin: (
          origin: string | undefined,
          done: (error: Error | null, allow?: boolean) => void,
        ) => void setTimeout(() => done(null, origin === ORIGIN), 5),
      }),
    );
    expect(await host.send(preflight('/'))).toMatchObject({ status: 204 });
    expect(originOf(await host.send(ordinary('/')))).toBe(ORIGIN);
    const other = { origin: 'https://other.example', 'access-control-request-method': 'PUT' };
    const refused = await host.send({ ...preflight('/'), headers: other });
    expect([refused.status, originOf(refused)]).toEqual([403, undefined]);
  });

  it('they may be a function of the request', async () => {
    interface AnyRequest {
      header?(name: string): string;
      headers: Record<string, string>;
    }
    const host = await start(adapter, (app) =>
      app.enableCors((request: AnyRequest, done: (error: null, options: object) => void) => {
        const origin = request.header?.('Origin') ?? request.headers['origin'];
        done(null, { origin: origin === ORIGIN ? ORIGIN : false });
      }),
    );
    expect(await host.send(preflight('/'))).toMatchObject({ status: 204 });
    expect(originOf(await host.send(ordinary('/')))).toBe(ORIGIN);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('a bug of the host');
      },
    ],
    ['gives an error', (_: unknown, done: (error: Error) => void) => done(new Error('no'))],
  ])('the plain refusal is sent where their function %s', async (_, origin) => {
    const host = await start(adapter, (app) => app.enableCors({ origin: origin as never }));
    for (const attempt of [preflight('/'), ordinary('/')]) {
      const refused = await host.send(attempt);
      expect([refused.status, originOf(refused)]).toEqual([403, undefined]);
      expect(refused.json()).toEqual(FORBIDDEN);
    }
  });

  it('a refusal of the host’s own keeps what it says itself', async () => {
    const host = await withCors({
      rules: {
        refusal: () => ({
          status: 451,
          headers: { 'access-control-allow-origin': 'https://legal.example' },
          body: 'no',
        }),
      },
    });
    const refused = await host.send(ordinary('/'));
    expect([refused.status, originOf(refused)]).toEqual([451, 'https://legal.example']);
    expect(refused.headers['access-control-allow-credentials']).toBe('true');
  });

  it('where an app is made with them, in a test of the host’s too', async () => {
    const database = await createTestDatabase();
    const testing = await Test.createTestingModule({
      imports: [
        IpTrackingModule.forRoot({
          database: { url: database.url },
          clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
          geo: false,
        }),
      ],
      controllers: [Routes],
    }).compile();
    const app = testing.createNestApplication(
      adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
      { logger: false, cors: true },
    );
    await app.listen(0, '127.0.0.1');
    onTestFinished(async () => {
      await app.close();
      await database.close();
    });
    await app.get(IpRuleService).block(BLOCKED);
    const url = await app.getUrl();
    expect(await send(url, preflight('/'))).toMatchObject({ status: 204 });
    expect(originOf(await send(url, ordinary('/')))).toBe('*');
  });

  it('without any, a preflight gets 403 like everything else', async () => {
    const host = await start(adapter, () => undefined);
    for (const attempt of [
      preflight('/'),
      preflight('/options'),
      preflight('/all'),
      ordinary('/'),
    ]) {
      const refused = await host.send(attempt);
      expect([refused.status, originOf(refused)]).toEqual([403, undefined]);
    }
  });
});

describe('CORS that the host has set up past Nest', () => {
  it('is found on express where it is the package cors, on the paths it is for', async () => {
    const host = await start('express', (app) => {
      app.use('/shop', cors({ origin: ORIGIN }));
      app.use('/of/:tenant', cors({ origin: ORIGIN }));
    });
    expect(originOf(await host.send(ordinary('/of/acme')))).toBe(ORIGIN);
    expect(await host.send(ordinary('/of/%zz'))).toMatchObject({ status: 403 });
    expect(await host.send(preflight('/shop/x'))).toMatchObject({ status: 204 });
    expect(originOf(await host.send(ordinary('/shop/x')))).toBe(ORIGIN);
    expect(await host.send(preflight('/x'))).toMatchObject({ status: 403 });
    expect(originOf(await host.send(ordinary('/x')))).toBeUndefined();
  });

  it.each(['onRequest', 'preHandler'] as const)(
    'is found on fastify where it is @fastify/cors, in %s',
    async (hook) => {
      const host = await start('fastify', (app) =>
        (app as NestFastifyApplication).register(fastifyCors, { origin: ORIGIN, hook }),
      );
      expect(await host.send(preflight('/x'))).toMatchObject({ status: 204 });
      expect(originOf(await host.send(ordinary('/x')))).toBe(ORIGIN);
    },
  );
});

it('a refusal over HTTP/2 carries the CORS settings, too', async () => {
  const host = await startHost({
    adapter: 'fastify',
    httpAdapter: new FastifyAdapter({ http2: true } as never),
    controllers: [Routes, OpenRoutes],
    configure: (app) => {
      app.enableCors({ origin: ORIGIN });
    },
  });
  onTestFinished(() => host.close());
  await host.app.get(IpRuleService).block(BLOCKED);
  const session = connectHttp2(host.url);
  onTestFinished(() => session.close());
  const ask = async (headers: Record<string, string>) => {
    const stream = session.request(
      { 'x-forwarded-for': BLOCKED, origin: ORIGIN, ...headers },
      { endStream: true },
    );
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    stream.resume();
    await once(stream, 'close');
    return [head[':status'], head['access-control-allow-origin']];
  };
  expect(await ask({ ':path': '/' })).toEqual([403, ORIGIN]);
  expect(
    await ask({ ':path': '/', ':method': 'OPTIONS', 'access-control-request-method': 'PUT' }),
  ).toEqual([204, ORIGIN]);
  expect(await host.rows(2)).toHaveLength(2);
});
