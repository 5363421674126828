import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Controller, type Type, UnauthorizedException, UseInterceptors } from '@nestjs/common';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  ClientProxyFactory,
  MessagePattern,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { firstValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { RateLimit, RequestLogInterceptor, Sensitive } from '../../src/index.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { TellExceptions } from '../support/ws-exceptions.js';

const FROM = '198.51.100.1';

async function start(options: HostOptions): Promise<Host> {
  const host = await startHost(options);
  onTestFinished(() => host.close());
  return host;
}

@Resolver()
class Resolvers {
  @Query(() => String)
  hello() {
    return 'hello';
  }

  @Mutation(() => String, { nullable: true })
  @RateLimit({ name: 'login', anonymous: 3, countOnly: 'failures' })
  login(@Args('password', { type: () => String }) password: string) {
    if (password !== 'right') throw new UnauthorizedException();
    return 'in';
  }

  @Query(() => String)
  @Sensitive()
  secret() {
    return 'secret';
  }
}

interface GraphqlAnswer {
  data: Record<string, string | null> | null;
  errors?: { message: string; path: string[]; extensions?: Record<string, unknown> }[];
}

// Mercurius runs on Fastify alone.
describe('a GraphQL operation on fastify', () => {
  const startGraphql = () =>
    start({
      adapter: 'fastify',
      imports: [
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          autoSchemaFile: true,
        }),
      ],
      providers: [Resolvers],
    });
  const ask = async (host: Host, query: string) => {
    const response = await host.send({ path: '/graphql', body: { query }, from: FROM });
    return response.json<GraphqlAnswer>();
  };

  it('counts each limited field, so that a hundred guesses in one request get three answers', async () => {
    const host = await startGraphql();
    const guesses = Array.from({ length: 100 }, (_, i) => `g${i}: login(password: "x${i}")`);
    const { errors } = await ask(host, `mutation { ${guesses.join(' ')} }`);
    const messages = errors!.map(({ message }) => message);
    expect(messages.filter((message) => message === 'Unauthorized')).toHaveLength(3);
    const throttled = errors!.filter(({ message }) => message === 'Too Many Requests');
    expect(throttled).toHaveLength(97);
    const { code, retryAfter } = throttled[0]!.extensions!;
    expect(code).toBe('TOO_MANY_REQUESTS');
    expect(retryAfter).toBeGreaterThan(50);
    expect(await host.rows(1)).toMatchObject([{ path: '/graphql', outcome: 'throttled' }]);
  });

  it('gives back the slots of fields that do not count', async () => {
    const host = await startGraphql();
    for (let i = 0; i < 5; i += 1) {
      expect((await ask(host, 'mutation { login(password: "right") }')).data).toEqual({
        login: 'in',
      });
    }
  });

  it('leaves fields alone that have no limit, and marks those that are sensitive', async () => {
    const host = await startGraphql();
    for (let i = 0; i < 6; i += 1) await ask(host, '{ hello secret }');
    const { data, errors } = await ask(host, '{ hello }');
    expect({ data, errors }).toEqual({ data: { hello: 'hello' }, errors: undefined });
    const rows = await host.rows(7);
    expect(rows.map(({ sensitive }) => sensitive)).toEqual([
      ...Array<boolean>(6).fill(true),
      false,
    ]);
  });
});

function gateway(): Type {
  @WebSocketGateway({ path: '/live' })
  @TellExceptions()
  @UseInterceptors(RequestLogInterceptor)
  class LiveGateway {
    @SubscribeMessage('guess')
    @Sensitive()
    guess(@MessageBody() guess: string) {
      return { event: 'guess', data: guess };
    }

    @SubscribeMessage('free')
    free() {
      return { event: 'free', data: 'free' };
    }
  }
  return LiveGateway;
}

type Ask = (event: string, data?: unknown) => Promise<{ event: string; data: unknown }>;

async function talkOverWs(url: string): Promise<Ask> {
  const client = new WebSocket(`${url.replace('http', 'ws')}/live`, {
    headers: { 'x-forwarded-for': FROM },
  });
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  return async (event, data) => {
    client.send(JSON.stringify({ event, data }));
    const [message] = (await once(client, 'message')) as [Buffer];
    return JSON.parse(message.toString()) as { event: string; data: unknown };
  };
}

async function talkOverIo(url: string): Promise<Ask> {
  const client = io(url, {
    path: '/live',
    forceNew: true,
    reconnection: false,
    transports: ['websocket'],
    extraHeaders: { 'x-forwarded-for': FROM },
  });
  onTestFinished(() => void client.disconnect());
  await new Promise<void>((resolve, reject) => {
    client.on('connect', resolve);
    client.on('connect_error', reject);
  });
  return (event, data) => {
    const answer = new Promise<{ event: string; data: unknown }>((resolve) => {
      client.onAny((name: string, got: unknown) => resolve({ event: name, data: got }));
    });
    client.emit(event, data);
    return answer.finally(() => client.offAny());
  };
}

describe.each(ADAPTERS)('a message over a WebSocket on %s', (adapter) => {
  it.each([
    ['ws', WsAdapter, talkOverWs],
    ['socket.io', IoAdapter, talkOverIo],
  ] as const)(
    'by %s is counted for its client, over all their connections',
    async (_, WebSocketAdapter, talk) => {
      const host = await start({
        adapter,
        providers: [gateway()],
        configure: (app) => void app.useWebSocketAdapter(new WebSocketAdapter(app)),
      });
      const [first, second] = [await talk(host.url), await talk(host.url)];
      for (let i = 0; i < 3; i += 1) expect((await first('guess', 'x')).event).toBe('guess');
      for (let i = 0; i < 2; i += 1) expect((await second('guess', 'x')).event).toBe('guess');
      const refused = await first('guess', 'x');
      expect(refused).toMatchObject({
        event: 'exception',
        data: { status: 'error', code: 'TOO_MANY_REQUESTS', message: 'Too Many Requests' },
      });
      expect((refused.data as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000);
      expect((await second('free')).event).toBe('free');
      const rows = (await host.rows(9)).filter(({ method }) => method === 'WS');
      expect(rows.map(({ outcome }) => outcome).sort()).toEqual([
        ...Array<string>(6).fill('served'),
        'throttled',
      ]);
      expect(rows.find(({ outcome }) => outcome === 'throttled')).toMatchObject({
        status: 429,
        sensitive: true,
        ip_address: FROM,
      });
    },
  );
});

@Controller()
@UseInterceptors(RequestLogInterceptor)
class Handlers {
  @MessagePattern('guess')
  @RateLimit({ anonymous: 2 })
  guess() {
    return 'no';
  }
}

describe.each(ADAPTERS)('a message of a TCP microservice beside an app on %s', (adapter) => {
  it('is counted for the peer of its connection', async () => {
    let client!: ClientProxy;
    const host = await start({
      adapter,
      controllers: [Handlers],
      listen: async (app) => {
        const microservice = app.connectMicroservice<MicroserviceOptions>({
          transport: Transport.TCP,
          options: { host: '127.0.0.1', port: 0 },
        });
        await app.startAllMicroservices();
        const { port } = microservice.unwrap<{ address(): AddressInfo }>().address();
        client = ClientProxyFactory.create({
          transport: Transport.TCP,
          options: { host: '127.0.0.1', port },
        });
        await app.listen(0, '127.0.0.1');
      },
    });
    onTestFinished(() => client.close());
    const ask = () =>
      firstValueFrom(client.send<unknown>('guess', {})).catch((error: unknown) => ({ error }));
    expect([await ask(), await ask()]).toEqual(['no', 'no']);
    expect(await ask()).toMatchObject({
      error: { status: 'error', code: 'TOO_MANY_REQUESTS', message: 'Too Many Requests' },
    });
    const rows = (await host.rows(3)).filter(({ method }) => method === 'RPC');
    expect(rows.map(({ outcome, status }) => [outcome, status])).toEqual([
      ['served', 200],
      ['served', 200],
      ['throttled', 429],
    ]);
  });
});
