import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  type INestApplication,
  Injectable,
  Logger,
  Module,
  type NestInterceptor,
  type OnModuleInit,
  Param,
  SetMetadata,
  UnauthorizedException,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, ApplicationConfig, DiscoveryService } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  ClientProxyFactory,
  MessagePattern,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { Throttle, type ThrottlerRequest } from '@nestjs/throttler';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import express, { type Express } from 'express';
import { firstValueFrom, type Observable } from 'rxjs';
import supertest from 'supertest';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { DetectionJob } from '../../src/detection/detection.job.js';
import {
  AuthThrottlerGuard,
  BlockIps,
  ClientIp,
  IpRuleGuard,
  IpRuleService,
  IpTrackingModule,
  RequestLogService,
  Sensitive,
  SkipIpRules,
  SkipRequestLog,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { send } from '../support/http.js';
import { keptPort } from '../support/kept-port.js';
import { createTestDatabase } from '../support/postgres.js';
import { RawSocket, statusesIn } from '../support/raw-socket.js';

/*
 * Canaries of what the code leans on and nobody has promised (docs/private-seams.md), where it takes an app to see it.
 * When a package is renewed and one of these fails, the page says what a user would have seen.
 */

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';

type Next = () => void;
type Handler = (
  request: { url: string },
  response: { end(text: string): void },
  next: Next,
) => void;

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Get('open/:id')
  @SkipIpRules()
  @Sensitive()
  open(@Param('id') id: string) {
    return id;
  }
}

async function start(options: HostOptions): Promise<Host> {
  const host = await startHost({ controllers: [Routes], ...options });
  onTestFinished(() => host.close());
  await host.app.get(IpRuleService).block(BLOCKED);
  return host;
}

const statusOf = async (host: Host, path: string, from: string) =>
  (await host.send({ path, from })).status;

/** A middleware that answers by itself, as one does that serves files. */
function answering(app: INestApplication): void {
  const answer: Handler = (request, response, next) =>
    request.url === '/by-middleware' ? response.end('by middleware') : next();
  app.use(answer);
}

/** What hides behind a symbol of Fastify's, by the symbol's description. */
function hidden(instance: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(instance).find(
    (key) => key.description === description,
  );
  return symbol === undefined ? undefined : Reflect.get(instance, symbol);
}

async function upgrade(url: string, from: string, path = '/'): Promise<string> {
  const socket = await RawSocket.toUrl(url);
  onTestFinished(() => socket.destroy());
  socket.write(
    `GET ${path} HTTP/1.1`,
    'Host: x',
    `X-Forwarded-For: ${from}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${Buffer.alloc(16, 7).toString('base64')}`,
  );
  return socket.untilClosed();
}

describe('Fastify', () => {
  it('fastify.hooks: our hook runs before a middleware that answers', async () => {
    const host = await start({ adapter: 'fastify', configure: answering });
    const hooks = hidden(host.app.getHttpAdapter().getInstance(), 'fastify.hooks');
    expect((hooks as { onRequest: unknown[] }).onRequest.length).toBeGreaterThan(1);
    expect((await host.send({ path: '/by-middleware', from: FREE })).text).toBe('by middleware');
    expect(await statusOf(host, '/by-middleware', BLOCKED)).toBe(403);
    expect((await host.rows(2)).map(({ outcome }) => outcome)).toEqual(['served', 'blocked']);
  });

  it('fastify.children: our hook runs in a plugin that was there before the module', async () => {
    const httpAdapter = new FastifyAdapter();
    const instance = httpAdapter.getInstance();
    // Awaited, and so loaded: it has its own copy of the hooks by now.
    await instance.register((plugin, _options, done) => {
      plugin.get('/of-a-plugin', () => 'plugin');
      done();
    });
    expect(hidden(instance, 'fastify.children')).toHaveLength(1);
    const host = await start({ adapter: 'fastify', httpAdapter });
    expect(await statusOf(host, '/of-a-plugin', FREE)).toBe(200);
    expect(await statusOf(host, '/of-a-plugin', BLOCKED)).toBe(403);
  });

  it('fastify.options: what Fastify answers before any hook is refused and logged too', async () => {
    const host = await start({ adapter: 'fastify' });
    expect(hidden(host.app.getHttpAdapter().getInstance(), 'fastify.options')).toBeTypeOf('object');
    expect(await statusOf(host, '/%ff', FREE)).toBe(400);
    expect(await statusOf(host, '/%ff', BLOCKED)).toBe(403);
    const rows = await host.rows(2);
    expect(rows.map(({ status, outcome }) => [status, outcome])).toEqual([
      [400, 'served'],
      [403, 'blocked'],
    ]);
  });

  it('fastify.serverBindings: the server at the other address of localhost has its edge', async () => {
    // A second address that every machine has.
    const other = process.platform === 'linux' ? '127.0.0.2' : '::1';
    const lookup = dns.lookup;
    const mocked = vi.spyOn(dns, 'lookup').mockImplementation(((
      name: string,
      options: { all?: boolean },
      done: (error: Error | null, found: unknown) => void,
    ) => {
      if (name !== 'localhost' || options?.all !== true) {
        return lookup(name, options, done as never);
      }
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: other, family: other === '::1' ? 6 : 4 },
      ]);
    }) as never);
    onTestFinished(() => mocked.mockRestore());
    const proxies = ['127.0.0.1', '127.0.0.2', '::1'];
    const host = await start({
      adapter: 'fastify',
      options: { clientIp: { strategy: 'trusted-proxies', proxies } },
      listen: (app) => app.listen(0, 'localhost'),
    });
    const servers = hidden(host.app.getHttpAdapter().getInstance(), 'fastify.serverBindings');
    expect(servers).toHaveLength(1);
    const upload = await RawSocket.toUrl(host.url, other);
    upload.write(
      'POST / HTTP/1.1',
      'Host: x',
      `X-Forwarded-For: ${BLOCKED}`,
      'Content-Length: 5',
      'Expect: 100-continue',
    );
    expect(statusesIn(await upload.untilClosed())).toEqual([403]);
  });

  it('__fastify_route_config__: what is stamped there arrives as the config of the route', async () => {
    const host = await start({ adapter: 'fastify' });
    expect(await statusOf(host, '/', BLOCKED)).toBe(403);
    expect(await statusOf(host, '/open/1', BLOCKED)).toBe(200);
    const [, open] = await host.rows(2);
    expect(open).toMatchObject({ route: '/open/:id', sensitive: true, outcome: 'served' });
  });
});

interface Layer {
  route?: { path: string; methods: Record<string, boolean>; stack: { handle: unknown }[] };
  match(path: string): unknown;
}

function layersOf(host: Host): Layer[] {
  const app = host.app.getHttpAdapter().getInstance() as { router: { stack: Layer[] } };
  return app.router.stack;
}

describe('Express', () => {
  it('match.pattern: what a middleware is mounted at is told from what a client has written', async () => {
    const host = await start({
      adapter: 'express',
      configure: (app) => {
        const answer: Handler = (_, response) => response.end('answered');
        app.use('/mounted', answer);
        app.use('/some/{*path}', answer);
      },
    });
    for (const path of ['/mounted/x', '/some/x'])
      expect(await statusOf(host, path, FREE)).toBe(200);
    expect((await host.rows(2)).map(({ route }) => route)).toEqual(['/mounted', null]);
  });

  it('app.handle: every way into an app goes through it', async () => {
    const app = express();
    const handle = vi.spyOn(app as unknown as { handle(): void }, 'handle');
    handle.mockImplementation(((_: unknown, response: { end(text: string): void }) =>
      response.end('handled')) as never);
    expect((await supertest(app).get('/')).text).toBe('handled');

    const host = await start({
      adapter: 'express',
      configure: answering,
      listen: (nest) => nest.init(),
    });
    // A server of the host's, which Nest knows nothing of.
    const server = createServer(host.app.getHttpAdapter().getInstance() as RequestListener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await send(url, { path: '/by-middleware', from: FREE })).text).toBe('by middleware');
    expect((await send(url, { path: '/by-middleware', from: BLOCKED })).status).toBe(403);
  });

  it('IncomingMessage: a server has the classes of its requests and responses behind symbols', async () => {
    const given: unknown[] = [];
    const upgraded: unknown[] = [];
    const host = await start({
      adapter: 'express',
      configure: (nest) => {
        (nest.getHttpServer() as Server).on('upgrade', (request, socket) => {
          upgraded.push(Object.getPrototypeOf(request));
          socket.destroy();
        });
        const app = nest.getHttpAdapter().getInstance() as unknown as {
          handle(...all: object[]): void;
        };
        const { handle } = app;
        app.handle = (request, response, ...rest) => {
          given.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response));
          handle.call(app, request, response, ...rest);
        };
      },
    });
    expect(await statusOf(host, '/', FREE)).toBe(200);
    const { request, response } = host.app.getHttpAdapter().getInstance() as Express;
    expect(given[0]).toBe(request);
    expect(given[1]).toBe(response);
    // What Express never gets is plain.
    await upgrade(host.url, FREE);
    expect(upgraded).toEqual([IncomingMessage.prototype]);
  });

  it('router.stack: the routes of an app are there, and the exempt ones are found in it', async () => {
    const host = await start({ adapter: 'express' });
    expect(layersOf(host).flatMap(({ route }) => route?.path ?? [])).toEqual(
      expect.arrayContaining(['/', '/open/:id']),
    );
    expect(await statusOf(host, '/open/1', BLOCKED)).toBe(200);
    expect(await statusOf(host, '/', BLOCKED)).toBe(403);
  });

  it('layer.match: tells ahead of the router which route a path is for', async () => {
    const host = await start({ adapter: 'express' });
    const layer = layersOf(host).find(({ route }) => route?.path === '/open/:id')!;
    const told = ['/open/1', '/open/1/', '/OPEN/1', '/open', '/open/1/2'].map((path) =>
      Boolean(layer.match(path)),
    );
    expect(told).toEqual([true, true, true, false, false]);
    expect(() => layer.match('/open/%ff')).toThrow();
    expect(layer.route!.methods).toEqual({ get: true });
    const paths = ['/open/1/', '/OPEN/1', '/open', '/open/1/2', '/open/%ff'];
    const statuses: number[] = [];
    for (const path of paths) statuses.push(await statusOf(host, path, BLOCKED));
    expect(statuses).toEqual([200, 200, 403, 403, 403]);
  });

  it('stack[0].handle: is the function that Nest has made of a handler, with its metadata', async () => {
    @Controller()
    class Marked {
      @Get('marked')
      @SetMetadata('a-mark', 'made')
      marked() {
        return 'marked';
      }

      @Get('unlogged')
      @SkipRequestLog()
      unlogged() {
        return 'unlogged';
      }
    }
    const host = await start({ adapter: 'express', controllers: [Marked] });
    const layer = layersOf(host).find(({ route }) => route?.path === '/marked')!;
    const { handle } = layer.route!.stack[0]!;
    expect(Reflect.getMetadata('a-mark', handle as object)).toBe('made');
    await host.send({ path: '/unlogged', from: FREE });
    await host.send({ path: '/marked', from: FREE });
    expect((await host.rows(1)).map(({ route }) => route)).toEqual(['/marked']);
  });

  it("*path: Nest's answer to what is unmatched below a global prefix is no route of the host's", async () => {
    @Controller()
    class Wildcard {
      @Get('files/*path')
      file() {
        return 'file';
      }
    }
    const host = await start({
      adapter: 'express',
      controllers: [Wildcard],
      configure: (app) => void app.setGlobalPrefix('api'),
    });
    await host.send({ path: '/api/nowhere', from: FREE });
    await host.send({ path: '/api/files/a/b', from: FREE });
    const rows = await host.rows(2);
    expect(rows.map(({ route, outcome }) => [route, outcome])).toEqual([
      [null, 'unmatched'],
      ['/api/files/*path', 'served'],
    ]);
  });

  it('parseurl: we read a target as Express does, or an exempt route would be told otherwise', async () => {
    const host = await start({ adapter: 'express', options: { rateLimits: false } });
    const targets = [
      '/open/1?a=/x',
      '/open/1#a',
      '/open/1?a#b',
      'http://elsewhere/open/1',
      'http://elsewhere/open/1?x',
      '//open/1',
      '/open//1',
      '/./open/1',
      '/open/1%20?b',
    ];
    for (const target of targets) {
      const ask = async (from: string) => {
        const socket = await RawSocket.toUrl(host.url);
        socket.write(
          `GET ${target} HTTP/1.1`,
          'Host: x',
          `X-Forwarded-For: ${from}`,
          'Connection: close',
        );
        return statusesIn(await socket.untilClosed())[0];
      };
      const isServed = (await ask(FREE)) === 200;
      expect([target, await ask(BLOCKED)]).toEqual([target, isServed ? 200 : 403]);
    }
  });
});

@Injectable()
class RefusesAll implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException();
  }
}

@Module({ providers: [{ provide: APP_GUARD, useClass: RefusesAll }] })
class EarlierModule {}

describe.each(ADAPTERS)('Nest on %s', (adapter) => {
  it('addGlobalFilter: of the filters for everything the one that was added first is asked last', async () => {
    @Catch()
    class OfTheHost implements ExceptionFilter {
      catch(_: unknown, at: ArgumentsHost) {
        const response = at.switchToHttp().getResponse<{
          status(code: number): { send(body: string): void };
        }>();
        response.status(418).send('of the host');
      }
    }
    @Controller('blocked')
    class Blocked {
      @Get()
      @BlockIps(FREE)
      never() {}
    }
    const filters = { provide: APP_FILTER, useClass: OfTheHost };
    const host = await start({ adapter, controllers: [Blocked], providers: [filters] });
    expect(await statusOf(host, '/blocked', FREE)).toBe(418);
  });

  it('injectables: what a test puts in the place of a bound guard is found there', async () => {
    const database = await createTestDatabase();
    @Controller('blocked')
    class Blocked {
      @Get()
      @BlockIps('127.0.0.0/8')
      reached() {
        return 'reached';
      }
    }
    const imports = [IpTrackingModule.forRoot({ database: { url: database.url }, geo: false })];
    const module = await Test.createTestingModule({ imports, controllers: [Blocked] })
      .overrideGuard(IpRuleGuard)
      .useValue({ canActivate: () => true })
      .compile();
    const app =
      adapter === 'express'
        ? module.createNestApplication()
        : module.createNestApplication(new FastifyAdapter());
    onTestFinished(async () => {
      await app.close();
      await database.close();
    });
    await app.listen(0, '127.0.0.1');
    expect((await send(await app.getUrl(), '/blocked')).text).toBe('reached');
  });

  it('ApplicationConfig: our guards come before those of a module that was imported earlier', async () => {
    @Controller()
    class Office {
      @Get('office')
      @BlockIps(FREE)
      office() {
        return 'office';
      }
    }
    const host = await start({
      adapter,
      controllers: [Office],
      module: (options) => ({
        module: class Both {},
        imports: [EarlierModule, IpTrackingModule.forRoot(options)],
      }),
    });
    expect(await statusOf(host, '/office', FREE)).toBe(403);
    expect(await statusOf(host, '/office', '192.0.2.1')).toBe(401);
    const found = host.app
      .get(DiscoveryService, { strict: false })
      .getProviders()
      .find(({ token }) => token === ApplicationConfig);
    expect(found?.instance).toBeInstanceOf(ApplicationConfig);
  });

  it('router-execution-context: a route with neither rules nor limits runs no global guard of ours', async () => {
    const asked = vi.spyOn(IpRuleGuard.prototype, 'canActivate');
    onTestFinished(() => asked.mockRestore());
    @Controller()
    class Plain {
      @Get('plain')
      plain() {
        return 'plain';
      }

      @Get('ruled')
      @BlockIps('192.0.2.1')
      ruled() {
        return 'ruled';
      }
    }
    const host = await start({ adapter, controllers: [Plain] });
    expect(await statusOf(host, '/plain', FREE)).toBe(200);
    expect(asked).not.toHaveBeenCalled();
    expect(await statusOf(host, '/ruled', FREE)).toBe(200);
    expect(asked).toHaveBeenCalled();
  });

  it('initHttpServer: what meets the server of an app, and no framework, meets the edge', async () => {
    const seen: string[] = [];
    const host = await start({
      adapter,
      configure: (app) => {
        app.getHttpServer().on('upgrade', (_: unknown, socket: Duplex) => {
          seen.push('upgrade');
          socket.end('HTTP/1.1 418 I am a teapot\r\n\r\n');
        });
      },
    });
    expect(statusesIn(await upgrade(host.url, BLOCKED))).toEqual([403]);
    expect(seen).toEqual([]);
    expect(statusesIn(await upgrade(host.url, FREE))).toEqual([418]);
  });

  it('socket.write: whoever answers a handshake writes to its socket, and the log has that status', async () => {
    const answers = ['HTTP/1.1 418 I am a teapot\r\n\r\n', Buffer.from('HTTP/1.0 503 No\r\n\r\n')];
    const host = await start({
      adapter,
      configure: (app) => {
        app.getHttpServer().on('upgrade', (_: unknown, socket: Duplex) => {
          const answer = answers.shift();
          if (answer === undefined) socket.destroy();
          else if (answers.length === 1) socket.end(answer);
          else {
            socket.write(answer);
            socket.end();
          }
        });
      },
    });
    for (let left = 3; left > 0; left -= 1) await upgrade(host.url, FREE);
    expect((await host.rows(3)).map(({ status }) => status)).toEqual([418, 503, 0]);
  });

  it('init$: an app of a testing module gets its edge, although its adapter comes later', async () => {
    const database = await createTestDatabase();
    const testing = await Test.createTestingModule({
      imports: [
        IpTrackingModule.forRoot({
          database: { url: database.url },
          clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1', '::1'] },
          geo: false,
        }),
      ],
      controllers: [Routes],
    }).compile();
    const app = testing.createNestApplication(
      adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
      { logger: false },
    );
    onTestFinished(async () => {
      await app.close();
      await database.close();
    });
    await app.init();
    if (adapter === 'fastify') {
      await (app.getHttpAdapter().getInstance() as { ready(): Promise<void> }).ready();
    }
    await app.get(IpRuleService).block(BLOCKED);
    const get = (path: string) =>
      supertest(app.getHttpServer()).get(path).set('x-forwarded-for', BLOCKED);
    expect((await get('/nowhere')).status).toBe(403);
    await eventually(() => app.get(RequestLogService).stats.enqueued === 1);
  });

  it('onController: routes are registered after the providers are made, and before onModuleInit', async () => {
    const order: string[] = [];
    @Injectable()
    class Watcher implements OnModuleInit {
      constructor() {
        order.push('providers are made');
      }
      onModuleInit(): void {
        order.push('onModuleInit');
      }
    }
    const httpAdapter = adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const get = httpAdapter.get.bind(httpAdapter) as (...args: unknown[]) => unknown;
    vi.spyOn(httpAdapter, 'get').mockImplementation(((...args: unknown[]) => {
      order.push('routes');
      return get(...args);
    }) as never);
    await start({ adapter, httpAdapter, providers: [Watcher] });
    expect([...new Set(order)]).toEqual(['providers are made', 'routes', 'onModuleInit']);
  });

  @Injectable()
  class Authenticates implements CanActivate {
    canActivate(execution: ExecutionContext): boolean {
      Object.assign(execution.switchToHttp().getRequest<object>(), { user: { id: 'ada' } });
      return true;
    }
  }

  it.each([
    [
      '__guards__: a guard that is added there when the app starts runs after all others',
      Sensitive(),
    ],
    [
      'path: tells a route of HTTP, which may have a limit without any decorator',
      SetMetadata('a', 1),
    ],
  ])('%s', async (_, decorate) => {
    @Controller()
    class Account {
      @Get('account')
      @decorate
      @UseGuards(Authenticates)
      account() {
        return 'account';
      }
    }
    const host = await start({
      adapter,
      controllers: [Account],
      options: { rateLimits: { authenticated: 1, anonymous: 5, routes: 'all' } },
    });
    // By the user, whom nobody knew before that guard had run; by their addresses both would pass.
    expect(await statusOf(host, '/account', FREE)).toBe(200);
    expect(await statusOf(host, '/account', '192.0.2.1')).toBe(429);
  });

  it('throttlers: a guard of @nestjs/throttler asks what we have put there, and commonOptions', async () => {
    const asked: ThrottlerRequest[] = [];
    const common: unknown[] = [];
    @Injectable()
    class Own extends AuthThrottlerGuard {
      protected override handleRequest(props: ThrottlerRequest): Promise<boolean> {
        asked.push(props);
        common.push(this.commonOptions.getTracker, this.commonOptions.generateKey);
        return super.handleRequest(props);
      }
    }
    @Controller()
    class Account {
      @Get('account')
      @Sensitive()
      account() {
        return 'account';
      }

      @Get('stricter')
      @Sensitive()
      @Throttle({ 'ip-tracking': { limit: 1, ttl: 5_000 } })
      stricter() {
        return 'stricter';
      }
    }
    const host = await start({
      adapter,
      controllers: [Account],
      options: { rateLimits: { anonymous: 2, ttlMs: 9_000, blockForMs: 7_000, guard: Own } },
    });
    const statuses: number[] = [];
    for (const from of ['192.0.2.1', '192.0.2.1', '192.0.2.1']) {
      statuses.push(await statusOf(host, '/account', from));
    }
    for (const from of ['192.0.2.2', '192.0.2.2']) {
      statuses.push(await statusOf(host, '/stricter', from));
    }
    expect(statuses).toEqual([200, 200, 429, 200, 429]);
    expect(asked[0]).toMatchObject({
      limit: 2,
      ttl: 9_000,
      blockDuration: 7_000,
      throttler: { name: 'ip-tracking' },
    });
    expect([asked[0]!.getTracker, asked[0]!.generateKey]).toEqual(common.slice(0, 2));
    expect(asked.at(-1)).toMatchObject({ limit: 1, ttl: 5_000 });
  });

  it('ModulesContainer: tells whether the host has a scheduler of its own', async () => {
    const withOne = await start({ adapter, imports: [ScheduleModule.forRoot()] });
    const without = await start({ adapter });
    const isDriven = ({ app }: Host) => app.get(DetectionJob, { strict: false }).isDrivenByHost;
    expect([isDriven(withOne), isDriven(without)]).toEqual([true, false]);
  });
});

describe('gateways of Nest', () => {
  const gatewayOn = (port: number) => {
    @WebSocketGateway(port)
    class Gateway {}
    return Gateway;
  };

  it.each([
    ['_server: of ws, on a port of its own', WsAdapter, 'ws'],
    ['httpServer: of socket.io, on a port of its own', IoAdapter, 'io'],
  ] as const)('%s', async (_, WebSockets, kind) => {
    const port = await keptPort();
    const host = await start({
      adapter: 'express',
      providers: [gatewayOn(port)],
      configure: (app) => void app.useWebSocketAdapter(new WebSockets(app)),
    });
    const url = `http://127.0.0.1:${port}`;
    const path = kind === 'ws' ? '/' : '/socket.io/?EIO=4&transport=websocket';
    expect(statusesIn(await upgrade(url, BLOCKED, path))).toEqual([403]);
    expect(await host.rows(1)).toMatchObject([{ status: 403, outcome: 'blocked' }]);
  });

  it('httpServersRegistry: of ws, where several gateways share a port by their paths', async () => {
    const port = await keptPort();
    @WebSocketGateway(port, { path: '/one' })
    class One {}
    @WebSocketGateway(port, { path: '/two' })
    class Two {}
    let webSockets: WsAdapter | undefined;
    const host = await start({
      adapter: 'express',
      providers: [One, Two],
      configure: (app) => {
        webSockets = new WsAdapter(app);
        app.useWebSocketAdapter(webSockets);
      },
    });
    const registry: unknown = Reflect.get(webSockets!, 'httpServersRegistry');
    expect((registry as Map<number, unknown>).has(port)).toBe(true);
    for (const path of ['/one', '/two']) {
      const answer = await upgrade(`http://127.0.0.1:${port}`, BLOCKED, path);
      expect(statusesIn(answer)).toEqual([403]);
    }
    expect(await host.rows(2)).toHaveLength(2);
  });

  it('namespace.server: of socket.io, whose adapter gives the namespace of a gateway', async () => {
    const port = await keptPort();
    @WebSocketGateway(port, { namespace: 'news' })
    class News {}
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    onTestFinished(() => warn.mockRestore());
    const host = await start({
      adapter: 'express',
      providers: [News],
      configure: (app) => void app.useWebSocketAdapter(new IoAdapter(app)),
    });
    const path = '/socket.io/?EIO=4&transport=websocket';
    expect(statusesIn(await upgrade(`http://127.0.0.1:${port}`, BLOCKED, path))).toEqual([403]);
    expect(await host.rows(1)).toHaveLength(1);
    // That its handshakes cannot be seen.
    expect(warn).not.toHaveBeenCalled();
  });

  it('getArgs: one list of arguments for all that runs around one message', async () => {
    const lists: unknown[] = [];
    const executions = new Set<unknown>();
    const note = (execution: ExecutionContext): void => {
      lists.push(execution.getArgs());
      executions.add(execution);
    };
    class NotesGuard implements CanActivate {
      canActivate(execution: ExecutionContext): boolean {
        note(execution);
        return true;
      }
    }
    class NotesInterceptor implements NestInterceptor {
      intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
        note(execution);
        return next.handle();
      }
    }
    @WebSocketGateway()
    @UseGuards(NotesGuard)
    @UseInterceptors(NotesInterceptor)
    class Echo {
      @SubscribeMessage('echo')
      echo(_: unknown, data: unknown) {
        return { event: 'echo', data };
      }
    }
    const host = await start({
      adapter: 'express',
      providers: [Echo],
      configure: (app) => void app.useWebSocketAdapter(new WsAdapter(app)),
    });
    const client = new WebSocket(host.url.replace('http', 'ws'));
    onTestFinished(() => client.terminate());
    await once(client, 'open');
    for (const data of [1, 2]) {
      client.send(JSON.stringify({ event: 'echo', data }));
      await once(client, 'message');
    }
    const [first, again, second, secondAgain] = lists;
    expect(lists).toHaveLength(4);
    expect([again === first, secondAgain === second, first === second]).toEqual([
      true,
      true,
      false,
    ]);
    expect(executions.size).toBeGreaterThan(1);
  });

  it('guards-context-creator: our guard is asked once of each message of a gateway, before its own', async () => {
    const asked: string[] = [];
    class OwnGuard implements CanActivate {
      canActivate(): boolean {
        asked.push('own');
        return true;
      }
    }
    @WebSocketGateway()
    @UseGuards(OwnGuard)
    class Echo {
      @SubscribeMessage('echo')
      echo(_: unknown, data: unknown) {
        return { event: 'echo', data };
      }
    }
    const host = await start({
      adapter: 'express',
      providers: [Echo],
      configure: (app) => void app.useWebSocketAdapter(new WsAdapter(app)),
    });
    const { canActivate } = IpRuleGuard.prototype;
    const spy = vi.spyOn(IpRuleGuard.prototype, 'canActivate').mockImplementation(function (
      this: IpRuleGuard,
      execution,
    ) {
      asked.push('ours');
      return canActivate.call(this, execution);
    });
    onTestFinished(() => spy.mockRestore());
    const client = new WebSocket(host.url.replace('http', 'ws'));
    onTestFinished(() => client.terminate());
    await once(client, 'open');
    client.send(JSON.stringify({ event: 'echo', data: 1 }));
    await once(client, 'message');
    expect(asked).toEqual(['ours', 'own']);
  });
});

describe('other transports of Nest', () => {
  it('getSocketRef: a TCP microservice tells the socket of its peer', async () => {
    @Controller()
    class Handlers {
      @MessagePattern('who')
      who(@ClientIp() ip: string | null) {
        return ip;
      }
    }
    let port = 0;
    await start({
      adapter: 'express',
      controllers: [Handlers],
      listen: async (app) => {
        const microservice = app.connectMicroservice<MicroserviceOptions>(
          { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
          { inheritAppConfig: true },
        );
        await app.startAllMicroservices();
        ({ port } = microservice.unwrap<{ address(): AddressInfo }>().address());
        await app.listen(0, '127.0.0.1');
      },
    });
    const client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port },
    });
    onTestFinished(() => client.close());
    expect(await firstValueFrom(client.send<unknown>('who', {}))).toBe('127.0.0.1');
  });

  it('fieldName: the arguments of a GraphQL resolver hold its request and its field', async () => {
    const seen: unknown[][] = [];
    class Notes implements CanActivate {
      canActivate(execution: ExecutionContext): boolean {
        seen.push(execution.getArgs());
        return true;
      }
    }
    @Resolver()
    class Resolvers {
      @Query(() => String, { nullable: true })
      @UseGuards(Notes)
      who(@ClientIp() ip: string | null) {
        return ip;
      }
    }
    const host = await start({
      adapter: 'fastify',
      imports: [
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          autoSchemaFile: true,
        }),
      ],
      providers: [Resolvers],
    });
    const answer = await host.send({ path: '/graphql', from: FREE, body: { query: '{ who }' } });
    expect(answer.json()).toEqual({ data: { who: FREE } });
    expect(seen[0]![3]).toMatchObject({ fieldName: 'who' });
  });
});
