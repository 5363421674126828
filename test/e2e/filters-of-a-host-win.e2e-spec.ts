import { once } from 'node:events';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  Injectable,
  type INestApplication,
  type Provider,
  Scope,
  UseFilters,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import {
  AllowIps,
  IpRuleService,
  LimitStoreUnavailableError,
  RateLimit,
  type IpTrackingOptions,
  type LimitStorage,
} from '../../src/index.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';

const FROM = '198.51.100.1';
const LIMIT_FIELDS = {
  'retry-after': expect.stringMatching(/^\d+$/),
  'ratelimit-policy': '"one";q=1;w=60',
  ratelimit: expect.stringMatching(/^"one";r=0;t=\d+$/),
};

/** What nearly every host has: one shape for all its errors. */
@Catch()
class CatchAll implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    const status = exception instanceof HttpException ? exception.getStatus() : 500;
    const response = host.switchToHttp().getResponse<{
      status(code: number): { send(body: object): void };
    }>();
    response.status(status).send({ problem: (exception as Error).message });
  }
}

@Injectable({ scope: Scope.REQUEST })
class CatchAllOfARequest extends CatchAll {}
Catch()(CatchAllOfARequest);

@Catch(BadRequestException)
class CatchOthers implements ExceptionFilter {
  catch(): void {
    throw new Error('nothing of ours is a bad request');
  }
}

/** Down for good. */
const DOWN: LimitStorage = {
  hit: () => Promise.reject(new LimitStoreUnavailableError('down')),
  peek: () => Promise.reject(new LimitStoreUnavailableError('down')),
  release: () => Promise.resolve(false),
  reset: () => Promise.resolve(false),
};

@Controller()
class Routes {
  @Get('inside')
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'inside';
  }

  @Get('limited')
  @RateLimit({ name: 'one', anonymous: 1 })
  limited() {
    return 'limited';
  }

  @Get('closed')
  @RateLimit({ name: 'closed', failClosed: true })
  closed() {
    return 'closed';
  }
}

@Controller()
@UseFilters(CatchAll)
class FilteredRoutes extends Routes {}

@Controller()
class FilteredHandlers {
  @Get('inside')
  @AllowIps('10.0.0.0/8')
  @UseFilters(CatchAll)
  inside() {
    return 'inside';
  }

  @Get('limited')
  @RateLimit({ name: 'one', anonymous: 1 })
  @UseFilters(CatchAll)
  limited() {
    return 'limited';
  }
}

type Parts = Pick<HostOptions, 'controllers' | 'providers' | 'configure'>;
const useGlobalFilters = (app: INestApplication) => {
  app.useGlobalFilters(new CatchAll());
};
const asAppFilter = (filter: new () => CatchAll): Provider => ({
  provide: APP_FILTER,
  useClass: filter,
});

const WAYS: [string, Parts][] = [
  ['an APP_FILTER', { providers: [asAppFilter(CatchAll)] }],
  ['an APP_FILTER of each request', { providers: [asAppFilter(CatchAllOfARequest)] }],
  ['useGlobalFilters', { configure: useGlobalFilters }],
  ['a filter of the controller', { controllers: [FilteredRoutes] }],
  ['a filter of the handler', { controllers: [FilteredHandlers] }],
];

/** Pages of the host's own, which a filter of its own stands before. */
const PAGES: Partial<IpTrackingOptions> = {
  rules: { refusal: () => ({ status: 451, body: '<h1>blocked</h1>', headers: { 'x-why': 'ip' } }) },
  rateLimits: { refusal: () => ({ body: '<h1>slowly</h1>' }) },
};

async function start(options: HostOptions): Promise<Host> {
  const host = await startHost({ controllers: [Routes], ...options });
  onTestFinished(() => host.close());
  return host;
}

describe.each(ADAPTERS)('a filter of the host on %s', (adapter) => {
  it.each(WAYS)('that catches all, as %s, answers what the guards refuse', async (_, parts) => {
    const host = await start({ adapter, ...parts });
    const refused = await host.send({ path: '/inside', from: FROM });
    expect(refused).toMatchObject({ status: 403 });
    expect(refused.json()).toEqual({ problem: 'Forbidden' });

    expect((await host.send({ path: '/limited', from: FROM })).status).toBe(200);
    const throttled = await host.send({ path: '/limited', from: FROM });
    expect(throttled.status).toBe(429);
    expect(throttled.json()).toEqual({ problem: 'Too Many Requests' });
    expect(throttled.headers).toMatchObject(LIMIT_FIELDS);

    expect(await host.rows(3)).toMatchObject([
      { path: '/inside', status: 403, outcome: 'blocked', reason: 'decorator' },
      { path: '/limited', status: 200, outcome: 'served' },
      { path: '/limited', status: 429, outcome: 'throttled' },
    ]);
  });

  it('stands before pages of the host as well, but what is known of a limit stays on the answer', async () => {
    const host = await start({ adapter, providers: [asAppFilter(CatchAll)], options: PAGES });
    const refused = await host.send({ path: '/inside', from: FROM });
    expect(refused.status).toBe(451);
    expect(refused.headers['x-why']).toBeUndefined();
    await host.send({ path: '/limited', from: FROM });
    const throttled = await host.send({ path: '/limited', from: FROM });
    expect(throttled.json()).toEqual({ problem: 'Too Many Requests' });
    expect(throttled.headers).toMatchObject(LIMIT_FIELDS);
  });

  it.each<[string, Parts]>([
    ['none at all', {}],
    ['one that catches something else', { providers: [asAppFilter(CatchOthers)] }],
  ])('leaves the answer to rules.refusal and rateLimits.refusal: %s', async (_, parts) => {
    const host = await start({ adapter, ...parts, options: PAGES });
    const refused = await host.send({ path: '/inside', from: FROM });
    expect(refused).toMatchObject({ status: 451, text: '<h1>blocked</h1>' });
    expect(refused.headers).toMatchObject({ 'x-why': 'ip', 'cache-control': 'no-store' });
    await host.send({ path: '/limited', from: FROM });
    const throttled = await host.send({ path: '/limited', from: FROM });
    expect(throttled).toMatchObject({ status: 429, text: '<h1>slowly</h1>' });
    expect(throttled.headers).toMatchObject(LIMIT_FIELDS);
  });

  it.each<[string, Parts]>([
    ['caught', { providers: [asAppFilter(CatchAll)] }],
    ['not caught', {}],
  ])('of a limit that nobody can count finds when to come back: %s', async (_, parts) => {
    const host = await start({ adapter, ...parts, options: { rateLimits: { storage: DOWN } } });
    const closed = await host.send({ path: '/closed', from: FROM });
    expect(closed.status).toBe(503);
    expect(closed.headers['retry-after']).toBe('1');
  });

  it('is never asked about what the edge refuses', async () => {
    const host = await start({ adapter, providers: [asAppFilter(CatchAll)], options: PAGES });
    await host.app.get(IpRuleService).block(FROM);
    for (const path of ['/inside', '/limited', '/nowhere']) {
      const refused = await host.send({ path, from: FROM });
      expect(refused).toMatchObject({ status: 451, text: '<h1>blocked</h1>' });
    }
  });

  it('is never asked about a limit that is counted at the edge', async () => {
    const host = await start({
      adapter,
      providers: [asAppFilter(CatchAll)],
      options: { rateLimits: { checkAt: 'edge' } },
    });
    await host.send({ path: '/limited', from: FROM });
    const throttled = await host.send({ path: '/limited', from: FROM });
    expect(throttled.json()).toEqual({ statusCode: 429, message: 'Too Many Requests' });
    expect(throttled.headers).toMatchObject(LIMIT_FIELDS);
  });
});

@Resolver()
class Resolvers {
  @Query(() => String, { nullable: true })
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'inside';
  }

  @Query(() => String, { nullable: true })
  @RateLimit({ name: 'one', anonymous: 1 })
  limited() {
    return 'limited';
  }
}

/** As hosts write it: what is thrown is given back to the server of GraphQL, in other words. */
@Catch()
class GraphqlFilter implements ExceptionFilter {
  catch({ message, extensions }: Error & { extensions?: object }): unknown {
    return Object.assign(new Error(`problem: ${message}`), { extensions });
  }
}

// Mercurius runs on Fastify alone.
describe('a filter of the host on GraphQL', () => {
  it('gives the errors of fields that are refused its own words', async () => {
    const host = await start({
      adapter: 'fastify',
      imports: [
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          autoSchemaFile: true,
        }),
      ],
      providers: [Resolvers, { provide: APP_FILTER, useClass: GraphqlFilter }],
    });
    const query = '{ inside first: limited second: limited }';
    const response = await host.send({ path: '/graphql', body: { query }, from: FROM });
    const { data, errors } = response.json<{ data: object; errors: object[] }>();
    expect(data).toEqual({ inside: null, first: 'limited', second: null });
    expect(errors).toMatchObject([
      { message: 'problem: Forbidden', path: ['inside'] },
      {
        message: 'problem: Too Many Requests',
        path: ['second'],
        extensions: { code: 'TOO_MANY_REQUESTS', retryAfter: expect.any(Number) },
      },
    ]);
  });
});

@Catch(WsException)
class MessageFilter implements ExceptionFilter<WsException> {
  catch(exception: WsException, host: ArgumentsHost): void {
    const client = host.switchToWs().getClient<WebSocket>();
    client.send(JSON.stringify({ event: 'problem', data: exception.getError() }));
  }
}

@WebSocketGateway()
@UseFilters(new MessageFilter())
class Gateway {
  @SubscribeMessage('inside')
  @AllowIps('10.0.0.0/8')
  inside() {
    return { event: 'inside', data: '' };
  }

  @SubscribeMessage('limited')
  @RateLimit({ name: 'one', anonymous: 1 })
  limited() {
    return { event: 'limited', data: '' };
  }
}

describe.each(ADAPTERS)('a filter of a gateway on %s', (adapter) => {
  it('answers the messages that are refused', async () => {
    const host = await start({
      adapter,
      providers: [Gateway],
      configure: (app) => void app.useWebSocketAdapter(new WsAdapter(app)),
    });
    const client = new WebSocket(host.url.replace('http', 'ws'), {
      headers: { 'x-forwarded-for': FROM },
    });
    onTestFinished(() => client.close());
    await once(client, 'open');
    const ask = async (event: string) => {
      const answer = once(client, 'message') as Promise<[Buffer]>;
      client.send(JSON.stringify({ event, data: {} }));
      return JSON.parse((await answer)[0].toString()) as object;
    };
    expect(await ask('inside')).toEqual({ event: 'problem', data: 'Forbidden resource' });
    expect(await ask('limited')).toEqual({ event: 'limited', data: '' });
    expect(await ask('limited')).toMatchObject({
      event: 'problem',
      data: { code: 'TOO_MANY_REQUESTS', retryAfterMs: expect.any(Number) },
    });
  });
});
