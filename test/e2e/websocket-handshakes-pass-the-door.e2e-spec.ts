import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type INestApplication, Logger, type Type } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { type GatewayMetadata, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { IpRuleService } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import {
  ADAPTERS,
  startHost,
  type Adapter,
  type Host,
  type HostOptions,
} from '../support/host-app.js';
import { send } from '../support/http.js';
import { RawSocket, statusesIn } from '../support/raw-socket.js';
import { TellExceptions } from '../support/ws-exceptions.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';

let host: Host;

async function start(options: HostOptions): Promise<IpRuleService> {
  host = await startHost(options);
  const started = host;
  onTestFinished(() => started.close());
  const rules = host.app.get(IpRuleService);
  await rules.block(BLOCKED, { reason: 'secret reason' });
  return rules;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The gateway of a test: what it echoes tells that the message has arrived. */
function gatewayOn(port = 0, options: GatewayMetadata = {}): Type {
  @WebSocketGateway(port, options)
  @TellExceptions()
  class EchoGateway {
    @SubscribeMessage('echo')
    echo(_: unknown, data: unknown) {
      return { event: 'echo', data };
    }
  }
  return EchoGateway;
}

const useWs = (app: INestApplication) => void app.useWebSocketAdapter(new WsAdapter(app));
const useIo = (app: INestApplication) => void app.useWebSocketAdapter(new IoAdapter(app));

async function handshake(url: string, path: string, from: string): Promise<RawSocket> {
  const socket = await RawSocket.toUrl(url);
  onTestFinished(() => socket.destroy());
  return socket.write(
    `GET ${path} HTTP/1.1`,
    'Host: x',
    `X-Forwarded-For: ${from}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${Buffer.alloc(16, 7).toString('base64')}`,
  );
}

/** Compares the log with `status outcome path` of each row; two of one millisecond are in no order. */
async function expectRows(...expected: string[]): Promise<void> {
  const rows = await host.rows(expected.length);
  const told = rows.map(({ path, status, outcome }) => `${status} ${outcome} ${path}`);
  expect(told.sort()).toEqual(expected.sort());
}

/** What a blocked client gets from a server, whoever stands behind it. */
async function expectRefusal(url: string, path: string): Promise<void> {
  const socket = await handshake(url, path, BLOCKED);
  const answer = await socket.untilClosed();
  expect(statusesIn(answer)).toEqual([403]);
  expect(answer).toMatch(/^connection: close/im);
  expect(answer).toMatch(/{"statusCode":403,"message":"Forbidden"}$/);
  expect(answer).not.toMatch(/secret|rule/);
}

async function echoOverWs(url: string): Promise<unknown> {
  const client = new WebSocket(url.replace('http', 'ws'), { headers: { 'x-forwarded-for': FREE } });
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  client.send(JSON.stringify({ event: 'echo', data: 'hello' }));
  const [message] = (await once(client, 'message')) as [Buffer];
  return JSON.parse(message.toString());
}

function ioClient(url: string, from: string, options: Partial<ManagerOptions & SocketOptions>) {
  const client = io(url, {
    forceNew: true,
    reconnection: false,
    extraHeaders: { 'x-forwarded-for': from },
    ...options,
  });
  onTestFinished(() => void client.disconnect());
  return client;
}

const byAddress = (adapter: Adapter, gateway: Type, configure: HostOptions['configure']) => ({
  adapter,
  providers: [gateway],
  ...(configure && { configure }),
});

describe.each(ADAPTERS)('a gateway on the port of %s', (adapter) => {
  it('of ws: a blocked client gets 403, others get in, each leaves one row', async () => {
    await start(byAddress(adapter, gatewayOn(0, { path: '/live' }), useWs));
    await expectRefusal(host.url, '/live?token=x');
    expect(await echoOverWs(`${host.url}/live?token=y`)).toEqual({ event: 'echo', data: 'hello' });
    await expectRows('403 blocked /live', '101 served /live');
    const [blocked, served] = (await host.rows(2)).sort((a, b) => b.status - a.status);
    expect(blocked).toMatchObject({ method: 'GET', ip_address: BLOCKED });
    expect(blocked!.rule_id).not.toBeNull();
    expect(served).toMatchObject({ method: 'GET', ip_address: FREE, rule_id: null });
  });

  it('of ws: a handshake that it refuses itself is logged with what the client got', async () => {
    await start(byAddress(adapter, gatewayOn(0, { path: '/live' }), useWs));
    const malformed = await RawSocket.toUrl(host.url);
    malformed.write(
      'GET /live HTTP/1.1',
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
    );
    expect(statusesIn(await malformed.untilClosed())).toEqual([400]);
    const lost = await handshake(host.url, '/elsewhere', FREE);
    expect(await lost.untilClosed()).toBe('');
    await expectRows('400 served /live', '0 failed /elsewhere');
  });

  it('of socket.io: a blocked client gets 403 by handshake, by polling, and for the script', async () => {
    await start(byAddress(adapter, gatewayOn(), useIo));
    await expectRefusal(host.url, '/socket.io/?EIO=4&transport=websocket');
    for (const path of [
      '/socket.io/?EIO=4&transport=polling',
      '/socket.io/socket.io.js',
      '/socket.io/nothing',
      '/socket.io',
    ]) {
      const response = await host.send({ path, from: BLOCKED });
      expect(response.json()).toEqual({ statusCode: 403, message: 'Forbidden' });
    }
    const opened = await host.send({ path: '/socket.io/?EIO=4&transport=polling', from: FREE });
    expect(opened.status).toBe(200);
    expect((await host.send({ path: '/socket.io/socket.io.js', from: FREE })).status).toBe(200);
    await expectRows(
      '200 served /socket.io/',
      '200 served /socket.io/socket.io.js',
      '403 blocked /socket.io',
      '403 blocked /socket.io/',
      '403 blocked /socket.io/',
      '403 blocked /socket.io/nothing',
      '403 blocked /socket.io/socket.io.js',
    );
  });

  it.each([['websocket'], ['polling']])('of socket.io: %s works for others', async (transport) => {
    await start(byAddress(adapter, gatewayOn(), useIo));
    const client = ioClient(host.url, FREE, { transports: [transport] });
    await new Promise<void>((resolve, reject) => {
      client.on('connect', resolve);
      client.on('connect_error', reject);
    });
    client.emit('echo', 'hello');
    expect(await new Promise((resolve) => client.on('echo', resolve))).toBe('hello');
    const [row] = await host.rows(1);
    expect(row).toMatchObject({
      ip_address: FREE,
      outcome: 'served',
      status: transport === 'websocket' ? 101 : 200,
    });
    const refused = ioClient(host.url, BLOCKED, { transports: [transport] });
    const error = await new Promise<Error>((resolve) => refused.on('connect_error', resolve));
    expect(error.message).toMatch(/websocket error|xhr poll error/);
  });

  it('of socket.io: who is blocked while they poll gets 403 for the next poll', async () => {
    const rules = await start(byAddress(adapter, gatewayOn(), useIo));
    const path = '/socket.io/?EIO=4&transport=polling';
    const from = '203.0.113.44';
    const { sid } = JSON.parse((await host.send({ path, from })).text.slice(1)) as { sid: string };
    await rules.block(from);
    expect((await host.send({ path: `${path}&sid=${sid}`, from })).status).toBe(403);
    expect((await host.send({ path: `${path}&sid=${sid}`, from, body: '40' })).status).toBe(403);
    await expectRefusal(host.url, `/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
  });
});

describe.each(ADAPTERS)('a gateway on a port of its own, beside %s', (adapter) => {
  it('of ws, asked for a page', async () => {
    const port = await freePort();
    await start(byAddress(adapter, gatewayOn(port), useWs));
    const url = `http://127.0.0.1:${port}`;
    expect((await send(url, { from: BLOCKED })).status).toBe(403);
    expect((await send(url, { from: FREE })).status).toBe(426);
    await expectRows('403 blocked /', '426 served /');
  });

  it.each([
    ['ws', {}, useWs],
    ['ws with a path', { path: '/live' }, useWs],
  ] as const)('of %s', async (_, options, configure) => {
    const port = await freePort();
    await start(byAddress(adapter, gatewayOn(port, options), configure));
    const url = `http://127.0.0.1:${port}`;
    const path = 'path' in options ? options.path : '/';
    await expectRefusal(url, path);
    expect(await echoOverWs(`${url}${path}`)).toEqual({ event: 'echo', data: 'hello' });
    await expectRows(`403 blocked ${path}`, `101 served ${path}`);
  });

  it.each([
    ['socket.io', {}],
    ['socket.io with a namespace', { namespace: 'live' }],
  ] as const)('of %s', async (_, options) => {
    const port = await freePort();
    // The adapter that Nest loads by itself, where the host names none.
    await start(byAddress(adapter, gatewayOn(port, options), undefined));
    const url = `http://127.0.0.1:${port}`;
    await expectRefusal(url, '/socket.io/?EIO=4&transport=websocket');
    const path = '/socket.io/?EIO=4&transport=polling';
    expect((await send(url, { path, from: BLOCKED })).status).toBe(403);
    expect((await send(url, { path, from: FREE })).status).toBe(200);
    const upload = await RawSocket.toUrl(url);
    upload.write(
      `POST ${path} HTTP/1.1`,
      'Host: x',
      `X-Forwarded-For: ${BLOCKED}`,
      'Content-Length: 5',
      'Expect: 100-continue',
    );
    expect(statusesIn(await upload.untilClosed())).toEqual([403]);
    const rows = ['403 blocked', '403 blocked', '403 blocked', '200 served'];
    await expectRows(...rows.map((row) => `${row} /socket.io/`));
  });
});

describe('a gateway whose own port is open before the rules are loaded', () => {
  it('turns everybody away until then', async () => {
    // A database that takes connections and never says a word.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const { port: databasePort } = silent.address() as AddressInfo;
    const port = await freePort();
    const starting = startHost({
      ...byAddress('express', gatewayOn(port), useWs),
      options: {
        database: { url: `postgres://127.0.0.1:${databasePort}/none`, connectTimeoutMs: 2_000 },
        rules: { startTimeoutMs: 1_500 },
        requestLog: { shutdownTimeoutMs: 100 },
      },
    });
    const url = `http://127.0.0.1:${port}`;
    const early = await eventually(() => handshake(url, '/', FREE).catch(() => false as const));
    expect(await early.untilClosed()).toBe('');
    host = await starting;
    onTestFinished(() => host.close());
    expect(await echoOverWs(url)).toEqual({ event: 'echo', data: 'hello' });
  });
});

describe('a gateway whose adapter shows no server', () => {
  class HiddenAdapter extends WsAdapter {
    override create(port: number, options?: object): never {
      const server = super.create(port, options as never);
      const { clients } = server as { clients: unknown };
      return { clients, on: server.on.bind(server), close: server.close.bind(server) } as never;
    }
  }

  it('is warned of, once, and served', async () => {
    const port = await freePort();
    const warnings: string[] = [];
    vi.spyOn(Logger.prototype, 'warn').mockImplementation((message: string) => {
      warnings.push(message);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    await start(
      byAddress('express', gatewayOn(port), (app) => {
        app.useWebSocketAdapter(new HiddenAdapter(app));
      }),
    );
    expect(await echoOverWs(`http://127.0.0.1:${port}`)).toEqual({ event: 'echo', data: 'hello' });
    expect(warnings.filter((text) => text.includes(`port ${port}`))).toHaveLength(1);
  });
});

describe.each(ADAPTERS)("a host's own upgrade listener on %s", (adapter) => {
  const ACCEPT = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

  async function startWith(answer: (socket: Duplex) => void): Promise<string[]> {
    const seen: string[] = [];
    await start({ adapter });
    host.app
      .getHttpServer()
      .prependListener('upgrade', ({ headers }: IncomingMessage, socket: Duplex) => {
        socket.on('error', () => {});
        onTestFinished(() => void socket.destroy());
        seen.push(String(headers['x-forwarded-for']));
        answer(socket);
      });
    return seen;
  }

  it('never sees a blocked client', async () => {
    const seen = await startWith((socket) => void socket.write(ACCEPT));
    await expectRefusal(host.url, '/mine');
    const free = await handshake(host.url, '/mine', FREE);
    await free.until(/101/);
    expect(seen).toEqual([FREE]);
    await expectRows('403 blocked /mine', '101 served /mine');
  });

  it.each<[string, (socket: Duplex) => void, Record<string, unknown>]>([
    [
      'refuses',
      (socket) => void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n'),
      { status: 401, outcome: 'refused' },
    ],
    [
      'has nothing there',
      (socket) => void socket.end(Buffer.from('HTTP/1.1 404 Not Found\r\n\r\n')),
      { status: 404, outcome: 'unmatched' },
    ],
    [
      'says something first',
      (socket) => {
        socket.write('HTTP/1.1 103 Early Hints\r\n\r\n');
        setTimeout(() => socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n'), 10);
      },
      { status: 503, outcome: 'failed' },
    ],
    ['hangs up', (socket) => void socket.destroy(), { status: 0, outcome: 'failed' }],
    ['ends without a word', (socket) => void socket.end(), { status: 0, outcome: 'failed' }],
  ])('that %s leaves one row that says so', async (_, answer, expected) => {
    await startWith(answer);
    const socket = await handshake(host.url, '/mine', FREE);
    await once(socket.socket, 'end').catch(() => undefined);
    expect(await host.rows(1)).toMatchObject([expected]);
  });

  it('whose client leaves before it answers has a row that says so', async () => {
    const sockets: Duplex[] = [];
    await startWith((socket) => {
      sockets.push(socket);
      socket.resume();
      socket.on('end', () => socket.destroy());
    });
    const socket = await handshake(host.url, '/mine', FREE);
    await expect.poll(() => sockets.length).toBe(1);
    socket.destroy();
    expect(await host.rows(1)).toMatchObject([{ status: 0, outcome: 'aborted' }]);
  });

  it('gets back a socket whose methods are its own', async () => {
    const sockets: Duplex[] = [];
    await startWith((socket) => {
      sockets.push(socket);
      socket.write(ACCEPT);
    });
    const socket = await handshake(host.url, '/mine', FREE);
    await socket.until(/101/);
    expect(Object.hasOwn(sockets[0]!, 'write')).toBe(false);
    expect(Object.hasOwn(sockets[0]!, 'end')).toBe(false);
    const digest = createHash('sha1').update('after').digest('hex');
    sockets[0]!.write(digest);
    await socket.until(new RegExp(`${digest}$`));
  });

  it('a reset by a blocked client does not end the process', async () => {
    await startWith((socket) => void socket.write(ACCEPT));
    for (let count = 0; count < 5; count += 1) {
      const socket = await handshake(host.url, '/mine', BLOCKED);
      socket.socket.resetAndDestroy();
    }
    await expectRefusal(host.url, '/mine');
    expect(await host.rows(6)).toHaveLength(6);
  });
});

describe.each(ADAPTERS)('the open WebSockets of a client who becomes blocked, on %s', (adapter) => {
  const from = '203.0.113.45';

  async function openWs(url: string, address: string): Promise<WebSocket> {
    const client = new WebSocket(`${url.replace('http', 'ws')}/live`, {
      headers: { 'x-forwarded-for': address },
    });
    onTestFinished(() => client.terminate());
    await once(client, 'open');
    return client;
  }

  async function ask(client: WebSocket): Promise<string> {
    client.send(JSON.stringify({ event: 'echo', data: 'hello' }));
    return String(await once(client, 'message'));
  }

  it.each([
    ['on the port of the app', false],
    ['on a port of their own', true],
  ])('of ws, %s, are ended, and those of nobody else', async (_, hasOwnPort) => {
    const port = hasOwnPort ? await freePort() : 0;
    const rules = await start(byAddress(adapter, gatewayOn(port, { path: '/live' }), useWs));
    const url = hasOwnPort ? `http://127.0.0.1:${port}` : host.url;
    const [theirs, alsoTheirs, free] = await Promise.all([
      openWs(url, from),
      openWs(url, from),
      openWs(url, FREE),
    ]);
    const closed = Promise.all([once(theirs, 'close'), once(alsoTheirs, 'close')]);
    await rules.block('203.0.113.32/27');
    await closed;
    expect(await ask(free)).toContain('hello');
    await expectRows('101 served /live', '101 served /live', '101 served /live');
  });

  it('of socket.io are ended, and the next try gets 403', async () => {
    const rules = await start(byAddress(adapter, gatewayOn(), useIo));
    const client = ioClient(host.url, from, { transports: ['websocket'] });
    await new Promise<void>((resolve) => client.on('connect', resolve));
    const gone = new Promise<string>((resolve) => client.on('disconnect', resolve));
    await rules.block(from);
    expect(await gone).toBe('transport close');
    const refused = new Promise<Error>((resolve) => client.on('connect_error', resolve));
    client.connect();
    expect((await refused).message).toBe('websocket error');
  });

  it('are ended where an allow rule goes that stood above a block', async () => {
    const rules = await start(byAddress(adapter, gatewayOn(0, { path: '/live' }), useWs));
    await rules.allow(from);
    await rules.block('203.0.113.32/27');
    const client = await openWs(host.url, from);
    const closed = once(client, 'close');
    expect(await ask(client)).toContain('hello');
    await rules.disallow(from);
    await closed;
  });

  it('stay open where the host wants it so', async () => {
    const rules = await start({
      ...byAddress(adapter, gatewayOn(0, { path: '/live' }), useWs),
      options: { rules: { endWebSockets: false } },
    });
    const client = await openWs(host.url, from);
    await rules.block(from);
    expect(await ask(client)).toContain('exception');
    expect(client.readyState).toBe(WebSocket.OPEN);
  });
});
