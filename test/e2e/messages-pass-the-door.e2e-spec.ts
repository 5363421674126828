import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  Controller,
  NotFoundException,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Server,
  Transport,
  type CustomTransportStrategy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { firstValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import {
  AllowIps,
  BlockIps,
  ClientIp,
  IpRuleGuard,
  IpRuleService,
  IpTrackingModule,
  RequestLogInterceptor,
  RequestLogService,
  SkipIpRules,
  SkipRequestLog,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { createTestDatabase } from '../support/postgres.js';
import { TellExceptions } from '../support/ws-exceptions.js';

const FREE = '198.51.100.1';
const USER_AGENT = 'the client';

let host: Host;

async function start(options: HostOptions): Promise<IpRuleService> {
  host = await startHost(options);
  const started = host;
  onTestFinished(() => started.close());
  return host.app.get(IpRuleService);
}

/** What the log says of messages, `method status outcome path route`, in no order. */
async function messagesIn(expected: number): Promise<string[]> {
  const rows = await host.rows(expected);
  return rows
    .filter(({ method }) => ['WS', 'RPC', 'GRAPHQL'].includes(method))
    .map(({ method, status, outcome, path, route }) =>
      [method, status, outcome, path, route].join(' '),
    )
    .sort();
}

function gateway(): Type {
  @WebSocketGateway({ path: '/live' })
  @TellExceptions()
  @UseInterceptors(RequestLogInterceptor)
  class LiveGateway {
    @SubscribeMessage('who')
    who(@ClientIp() ip: string | null) {
      return { event: 'who', data: ip };
    }

    @SubscribeMessage('inside')
    @AllowIps('10.0.0.0/8')
    inside() {
      return { event: 'inside', data: 'never' };
    }

    @SubscribeMessage('not-here')
    @BlockIps('198.51.100.0/24')
    notHere() {
      return { event: 'not-here', data: 'never' };
    }

    @SubscribeMessage('always')
    @SkipIpRules()
    always() {
      return { event: 'always', data: 'open' };
    }

    @SubscribeMessage('unlogged')
    @SkipRequestLog()
    unlogged() {
      return { event: 'unlogged', data: 'no row' };
    }

    @SubscribeMessage('refuses')
    refuses() {
      throw new WsException('not like this');
    }

    @SubscribeMessage('fails')
    fails(@MessageBody() kind: string) {
      throw kind === 'http' ? new NotFoundException() : new Error('a bug of the host');
    }
  }
  return LiveGateway;
}

interface Talk {
  /** Sends an event and waits for what comes back. */
  ask(event: string, data?: unknown): Promise<{ event: string; data: unknown }>;
}

async function talkOverWs(url: string): Promise<Talk> {
  const client = new WebSocket(`${url.replace('http', 'ws')}/live`, {
    headers: { 'x-forwarded-for': FREE, 'user-agent': USER_AGENT },
  });
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  return {
    ask: async (event, data) => {
      client.send(JSON.stringify({ event, data }));
      const [message] = (await once(client, 'message')) as [Buffer];
      return JSON.parse(message.toString()) as { event: string; data: unknown };
    },
  };
}

async function talkOverIo(url: string, transport: string): Promise<Talk> {
  const client = io(url, {
    path: '/live',
    forceNew: true,
    reconnection: false,
    transports: [transport],
    extraHeaders: { 'x-forwarded-for': FREE, 'user-agent': USER_AGENT },
  });
  onTestFinished(() => void client.disconnect());
  await new Promise<void>((resolve, reject) => {
    client.on('connect', resolve);
    client.on('connect_error', reject);
  });
  return {
    ask: (event, data) => {
      const answer = new Promise<{ event: string; data: unknown }>((resolve) => {
        client.onAny((name: string, got: unknown) => resolve({ event: name, data: got }));
      });
      client.emit(event, data);
      return answer.finally(() => client.offAny());
    },
  };
}

describe.each(ADAPTERS)('a message over a WebSocket on %s', (adapter) => {
  describe.each([
    ['ws', WsAdapter, talkOverWs, true],
    ['socket.io', IoAdapter, (url: string) => talkOverIo(url, 'websocket'), true],
    // Each of its polls meets the edge again, so a blocked client does not get as far as a message.
    ['socket.io, polling', IoAdapter, (url: string) => talkOverIo(url, 'polling'), false],
  ] as const)('by %s', (_, WebSocketAdapter, talk, isHeldOpen) => {
    const startGateway = () =>
      start({
        adapter,
        providers: [gateway()],
        options: { rules: { endWebSockets: false } },
        configure: (app) => void app.useWebSocketAdapter(new WebSocketAdapter(app)),
      });

    it('has the client of its handshake', async () => {
      await startGateway();
      const client = await talk(host.url);
      expect(await client.ask('who')).toEqual({ event: 'who', data: FREE });
    });

    it('is refused by the rules of its handler, with nothing said about them', async () => {
      await startGateway();
      const client = await talk(host.url);
      for (const event of ['inside', 'not-here']) {
        const { event: kind, data } = await client.ask(event);
        expect(kind).toBe('exception');
        expect(data).toMatchObject({ status: 'error', message: 'Forbidden resource' });
        expect(JSON.stringify(data)).not.toMatch(/10\.0|198\.51|rule/);
      }
    });

    it.runIf(isHeldOpen)(
      'is refused from the moment its client is blocked, and served again after',
      async () => {
        const rules = await startGateway();
        const client = await talk(host.url);
        expect(await client.ask('who')).toEqual({ event: 'who', data: FREE });
        await rules.block(FREE);
        expect((await client.ask('who')).event).toBe('exception');
        expect(await client.ask('always')).toEqual({ event: 'always', data: 'open' });
        await rules.unblock(FREE);
        expect(await client.ask('who')).toEqual({ event: 'who', data: FREE });
      },
    );

    it('leaves one row where the interceptor is bound, whatever became of it', async () => {
      const rules = await startGateway();
      const client = await talk(host.url);
      await client.ask('who');
      await client.ask('unlogged');
      await client.ask('inside');
      await client.ask('refuses');
      await client.ask('fails', 'http');
      await client.ask('fails', 'bug');
      const expected = [
        'WS 200 served who LiveGateway.who',
        'WS 400 served refuses LiveGateway.refuses',
        'WS 403 blocked inside LiveGateway.inside',
        'WS 404 served fails LiveGateway.fails',
        'WS 500 failed fails LiveGateway.fails',
      ];
      if (isHeldOpen) {
        await rules.block(FREE);
        await client.ask('who');
        expected.push('WS 403 blocked who LiveGateway.who');
      }
      await eventually(async () => (await messagesIn(1)).length >= expected.length);
      expect(await messagesIn(1)).toEqual(expected.sort());
      const rows = (await host.rows(1)).filter(({ method }) => method === 'WS');
      expect(new Set(rows.map(({ ip_address }) => ip_address))).toEqual(new Set([FREE]));
      expect(rows[0]!.user_agent).toBe(USER_AGENT);
    });
  });
});

@Controller()
@UseInterceptors(RequestLogInterceptor)
class Handlers {
  static events: string[] = [];

  @MessagePattern('who')
  who(@ClientIp() ip: string | null) {
    return ip;
  }

  @MessagePattern({ cmd: 'inside' })
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'never';
  }

  @MessagePattern('refuses')
  refuses() {
    throw new RpcException({ status: 418, message: 'short and stout' });
  }

  @EventPattern('happened')
  happened(@Payload() what: string) {
    Handlers.events.push(what);
  }
}

const tcpOptions = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;

function tcpClient(microservice: { unwrap<T>(): T }): ClientProxy {
  const { port } = microservice.unwrap<{ address(): AddressInfo }>().address();
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
  });
  onTestFinished(() => client.close());
  return client;
}

const ask = (client: ClientProxy, pattern: unknown) =>
  firstValueFrom(client.send<unknown>(pattern, {})).catch((error: unknown) => ({ error }));

describe('a message of a TCP microservice', () => {
  const PEER = '127.0.0.1';

  it.each(ADAPTERS)(
    'passes the global guard of a hybrid app on %s that inherits its config',
    async (adapter) => {
      let client!: ClientProxy;
      const rules = await start({
        adapter,
        controllers: [Handlers],
        listen: async (app) => {
          const microservice = app.connectMicroservice<MicroserviceOptions>(tcpOptions, {
            inheritAppConfig: true,
          });
          await app.startAllMicroservices();
          client = tcpClient(microservice);
          await app.listen(0, '127.0.0.1');
        },
      });
      expect(await ask(client, 'who')).toBe(PEER);
      const refused = { error: { status: 'error', message: 'Forbidden resource' } };
      expect(await ask(client, { cmd: 'inside' })).toEqual(refused);
      await rules.block(PEER, { force: true });
      expect(await ask(client, 'who')).toEqual(refused);
      Handlers.events = [];
      await firstValueFrom(client.emit('happened', 'while blocked'));
      await rules.unblock(PEER);
      await firstValueFrom(client.emit('happened', 'after'));
      await eventually(() => Handlers.events.length > 0);
      expect(Handlers.events).toEqual(['after']);
      expect(await ask(client, 'refuses')).toEqual({
        error: { status: 418, message: 'short and stout' },
      });
      expect(await messagesIn(6)).toEqual(
        [
          'RPC 200 served who Handlers.who',
          'RPC 403 blocked {"cmd":"inside"} Handlers.inside',
          'RPC 403 blocked who Handlers.who',
          'RPC 403 blocked happened Handlers.happened',
          'RPC 200 served happened Handlers.happened',
          'RPC 418 served refuses Handlers.refuses',
        ].sort(),
      );
    },
  );

  it('passes the guard that a hybrid app without its config binds by hand', async () => {
    @Controller()
    @UseGuards(IpRuleGuard)
    class Bound {
      @MessagePattern('who')
      who() {
        return 'reached';
      }
    }
    let client!: ClientProxy;
    const rules = await start({
      adapter: 'express',
      controllers: [Bound],
      listen: async (app) => {
        const microservice = app.connectMicroservice<MicroserviceOptions>(tcpOptions);
        await app.startAllMicroservices();
        client = tcpClient(microservice);
        await app.listen(0, '127.0.0.1');
      },
    });
    expect(await ask(client, 'who')).toBe('reached');
    await rules.block(PEER, { force: true });
    expect(await ask(client, 'who')).toMatchObject({ error: { status: 'error' } });
  });

  it('is refused by the rules of its handler in a hybrid app without its config', async () => {
    let client!: ClientProxy;
    const rules = await start({
      adapter: 'express',
      controllers: [Handlers],
      listen: async (app) => {
        const microservice = app.connectMicroservice<MicroserviceOptions>(tcpOptions);
        await app.startAllMicroservices();
        client = tcpClient(microservice);
        await app.listen(0, '127.0.0.1');
      },
    });
    expect(await ask(client, { cmd: 'inside' })).toMatchObject({ error: { status: 'error' } });
    // A handler without rules of its own has no guard there.
    await rules.block(PEER, { force: true });
    expect(await ask(client, 'who')).toBe(PEER);
  });

  it('passes the global guard of an app that is nothing but a microservice', async () => {
    const database = await createTestDatabase();
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(
      {
        module: class Root {},
        imports: [IpTrackingModule.forRoot({ database: { url: database.url }, geo: false })],
        controllers: [Handlers],
      },
      { ...tcpOptions, logger: false },
    );
    await app.listen();
    onTestFinished(async () => {
      await app.close();
      await database.close();
    });
    const client = tcpClient(app);
    expect(await ask(client, 'who')).toBe(PEER);
    await app.get(IpRuleService).block(PEER, { force: true });
    expect(await ask(client, 'who')).toMatchObject({ error: { status: 'error' } });
    await app.get(RequestLogService).flush(5_000);
    const rows = await database.query<{ outcome: string }>(
      `select outcome from ip_tracking.request_log order by outcome`,
    );
    expect(rows.map(({ outcome }) => outcome)).toEqual(['blocked', 'served']);
  });
});

/** Stands for a broker: what it delivers has a topic and no peer. */
class Broker extends Server implements CustomTransportStrategy {
  listen(callback: () => void): void {
    callback();
  }

  close(): void {}

  on(): void {}

  unwrap<T>(): T {
    return this as unknown as T;
  }

  deliver(topic: string, data: unknown): Promise<unknown> {
    return this.handleEvent(topic, { pattern: topic, data }, {
      getTopic: () => topic,
    } as never);
  }
}

describe('an event from a broker', () => {
  it('has no peer: it is let through in allowlist mode, and logged without an address', async () => {
    const broker = new Broker();
    await start({
      adapter: 'express',
      controllers: [Handlers],
      options: { rules: { mode: 'allowlist' } },
      listen: async (app) => {
        app.connectMicroservice({ strategy: broker }, { inheritAppConfig: true });
        await app.startAllMicroservices();
        await app.listen(0, '127.0.0.1');
      },
    });
    Handlers.events = [];
    await broker.deliver('happened', 'from afar');
    await eventually(() => Handlers.events.length > 0);
    const [row] = await host.rows(1);
    expect(row).toMatchObject({ method: 'RPC', path: 'happened', status: 200, ip_address: null });
  });
});
