import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { Controller, Get } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import supertest from 'supertest';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ClientIp,
  IpRuleService,
  IpTrackingModule,
  RequestLogService,
  SkipIpRules,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { send } from '../support/http.js';
import { createTestDatabase } from '../support/postgres.js';
import { RawSocket, statusesIn } from '../support/raw-socket.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';
const FORBIDDEN = { statusCode: 403, message: 'Forbidden' };

@Controller()
class Routes {
  @Get()
  home(@ClientIp() ip: string | null) {
    return { ip };
  }

  @Get('open')
  @SkipIpRules()
  open() {
    return 'open';
  }
}

let host: Host;

async function start(options: HostOptions): Promise<Host> {
  host = await startHost({ controllers: [Routes], ...options });
  const started = host;
  onTestFinished(() => started.close());
  await host.app.get(IpRuleService).block(BLOCKED);
  return host;
}

const byForwarding = (from: string) => ({ 'x-forwarded-for': from });

describe('an app that listens on a name with two addresses', () => {
  const hasIpv6 = Object.values(networkInterfaces())
    .flat()
    .some((found) => found?.address === '::1');

  // What /etc/hosts says differs from machine to machine; that the name has both addresses must not.
  const lookup = dns.lookup;
  beforeEach(() => {
    vi.spyOn(dns, 'lookup').mockImplementation(((
      name: string,
      options: { all?: boolean },
      done: (error: Error | null, found: unknown) => void,
    ) => {
      if (name !== 'localhost' || options?.all !== true)
        return lookup(name, options, done as never);
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ]);
    }) as never);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  describe.each(ADAPTERS)('on %s', (adapter) => {
    it.skipIf(!hasIpv6)(
      'refuses and logs on both (skipped where the machine has no ::1)',
      async () => {
        await start({
          adapter,
          options: { clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1', '::1'] } },
          listen: (app) => app.listen(0, 'localhost'),
        });
        const { port } = new URL(host.url);
        // Node itself binds one address of a name, Fastify one server to each.
        const urls =
          adapter === 'fastify' ? [`http://127.0.0.1:${port}`, `http://[::1]:${port}`] : [host.url];
        for (const url of urls) {
          expect((await send(url, { from: BLOCKED })).status).toBe(403);
          expect((await send(url, { path: '/nowhere', from: BLOCKED })).status).toBe(403);
          expect((await send(url, { path: '/open', from: BLOCKED })).status).toBe(200);
          expect((await send(url, { from: FREE })).json()).toEqual({ ip: FREE });
        }
        expect(await host.rows(urls.length * 4)).toHaveLength(urls.length * 4);
        for (const url of urls) {
          const upload = await RawSocket.toUrl(
            host.url,
            new URL(url).hostname.replace(/[[\]]/g, ''),
          );
          upload.write(
            'POST / HTTP/1.1',
            'Host: x',
            `X-Forwarded-For: ${BLOCKED}`,
            'Content-Length: 5',
            'Expect: 100-continue',
          );
          expect(statusesIn(await upload.untilClosed())).toEqual([403]);
        }
        expect(await host.rows(urls.length * 5)).toHaveLength(urls.length * 5);
      },
    );
  });
});

describe('a request without a connection', () => {
  it('is judged and logged, through inject() on Fastify', async () => {
    await start({ adapter: 'fastify' });
    const app = host.app as NestFastifyApplication;
    const inject = (url: string, from: string) =>
      app.inject({ url, headers: byForwarding(from), remoteAddress: '127.0.0.1' });
    expect((await inject('/', BLOCKED)).json()).toEqual(FORBIDDEN);
    expect((await inject('/nowhere', BLOCKED)).statusCode).toBe(403);
    expect((await inject('/open', BLOCKED)).statusCode).toBe(200);
    expect((await inject('/', FREE)).json()).toEqual({ ip: FREE });
    const rows = await host.rows(4);
    expect(rows.map(({ outcome }) => outcome).sort()).toEqual([
      'blocked',
      'blocked',
      'served',
      'served',
    ]);
  });
});

describe('an app on a server of its host', () => {
  it.each([
    ['http.createServer(instance)', (instance: unknown) => instance],
    [
      'a handler that calls the instance',
      (instance: unknown) => (request: unknown, response: unknown) =>
        (instance as (...args: unknown[]) => void)(request, response),
    ],
  ])('is behind the door on express: %s', async (_, handlerOf) => {
    await start({ adapter: 'express', listen: (app) => app.init() });
    const server = createServer(
      handlerOf(host.app.getHttpAdapter().getInstance()) as RequestListener,
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await send(url, { from: BLOCKED })).json()).toEqual(FORBIDDEN);
    expect((await send(url, { path: '/nowhere', from: BLOCKED })).status).toBe(403);
    expect((await send(url, { path: '/open', from: BLOCKED })).status).toBe(200);
    expect((await send(url, { from: FREE })).json()).toEqual({ ip: FREE });
    expect(await host.rows(4)).toHaveLength(4);
  });

  it('is behind the door on fastify: http.createServer(instance.routing)', async () => {
    await start({ adapter: 'fastify', listen: (app) => app.init() });
    const instance = host.app.getHttpAdapter().getInstance() as {
      ready(): Promise<void>;
      routing: RequestListener;
    };
    await instance.ready();
    const server = createServer(instance.routing);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await send(url, { from: BLOCKED })).status).toBe(403);
    expect((await send(url, { path: '/nowhere', from: BLOCKED })).status).toBe(403);
    expect((await send(url, { from: FREE })).json()).toEqual({ ip: FREE });
    expect(await host.rows(3)).toHaveLength(3);
  });
});

describe.each(ADAPTERS)(
  'an app of a testing module on %s, initialised and never listening',
  (adapter) => {
    it('is behind the door: it gets its adapter after its providers', async () => {
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
      await app.init();
      if (adapter === 'fastify') {
        await (app.getHttpAdapter().getInstance() as { ready(): Promise<void> }).ready();
      }
      onTestFinished(async () => {
        await app.close();
        await database.close();
      });
      await app.get(IpRuleService).block(BLOCKED);
      const get = (path: string, from: string) =>
        supertest(app.getHttpServer()).get(path).set(byForwarding(from));
      expect((await get('/', BLOCKED)).body).toEqual(FORBIDDEN);
      expect((await get('/nowhere', BLOCKED)).status).toBe(403);
      expect((await get('/open', BLOCKED)).status).toBe(200);
      expect((await get('/', FREE)).body).toEqual({ ip: FREE });
      await eventually(() => app.get(RequestLogService).stats.enqueued === 4);
    });
  },
);

describe.each(ADAPTERS)('a connection to %s', (adapter) => {
  it('carries two pipelined requests of a blocked client to two answers', async () => {
    await start({ adapter });
    const socket = await RawSocket.toUrl(host.url);
    const request = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${BLOCKED}\r\n\r\n`;
    socket.write(request('/') + request('/nowhere'));
    await socket.until(/HTTP\/1\.1 403[^]*HTTP\/1\.1 403/);
    socket.destroy();
    expect(statusesIn(socket.received)).toEqual([403, 403]);
    expect((await host.rows(2)).map(({ path }) => path).sort()).toEqual(['/', '/nowhere']);
  });

  it('through a listener that the host has put before all others', async () => {
    await start({ adapter });
    const seen: string[] = [];
    host.app.getHttpServer().prependListener('request', ({ url }: { url: string }) => {
      seen.push(url);
    });
    expect((await host.send({ path: '/a', from: BLOCKED })).status).toBe(403);
    expect((await host.send({ path: '/b', from: FREE })).status).toBe(404);
    expect(seen).toEqual(['/b']);
    expect(await host.rows(2)).toHaveLength(2);
  });

  it("survives a host's own answer with what no header may hold", async () => {
    await start({
      adapter,
      options: {
        rules: {
          refusal: () => ({
            status: 451,
            headers: { 'x-why': 'two\r\nlines: 1', 'x-ok': 'yes', 'no name': 'x' },
            body: '<p>not here</p>',
          }),
        },
      },
    });
    const response = await host.send({ from: BLOCKED });
    expect(response).toMatchObject({ status: 451, text: '<p>not here</p>' });
    expect(response.headers).toMatchObject({ 'x-ok': 'yes' });
    expect(response.headers).not.toHaveProperty('x-why');
    host.app.getHttpServer().on('upgrade', () => {});
    const socket = await RawSocket.toUrl(host.url);
    socket.write(
      'GET / HTTP/1.1',
      'Host: x',
      `X-Forwarded-For: ${BLOCKED}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
    );
    expect(await socket.untilClosed()).toMatch(/^HTTP\/1\.1 451 [^]*x-ok: yes[^]*not here<\/p>$/);
  });

  it('over a UNIX socket has no address: served in blocklist mode, and logged', async () => {
    const folder = temporaryFolder('unix');
    onTestFinished(() => folder.remove());
    await start({
      adapter,
      listen: (app) => app.listen({ path: join(folder.path, 'app.sock') } as never),
    });
    const socket = await RawSocket.to({ path: join(folder.path, 'app.sock') });
    // A peer without an address is no trusted proxy either.
    socket.write('GET / HTTP/1.1', 'Host: x', `X-Forwarded-For: ${BLOCKED}`, 'Connection: close');
    expect(await socket.untilClosed()).toMatch(/^HTTP\/1\.1 200 [^]*{"ip":null}/);
    const [row] = await host.rows(1);
    expect(row).toMatchObject({ ip_address: null, status: 200, outcome: 'served' });
  });

  it('over a UNIX socket is refused in allowlist mode', async () => {
    const folder = temporaryFolder('unix');
    onTestFinished(() => folder.remove());
    await start({
      adapter,
      options: { rules: { mode: 'allowlist' } },
      listen: (app) => app.listen({ path: join(folder.path, 'app.sock') } as never),
    });
    for (const path of ['/', '/nowhere']) {
      const socket = await RawSocket.to({ path: join(folder.path, 'app.sock') });
      socket.write(`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: close');
      expect(statusesIn(await socket.untilClosed())).toEqual([403]);
    }
    const rows = await host.rows(2);
    expect(rows.map(({ ip_address, outcome }) => [ip_address, outcome])).toEqual([
      [null, 'blocked'],
      [null, 'blocked'],
    ]);
  });
});

describe('HTTP/2 on fastify', () => {
  it('is behind the door and is logged with its true outcome', async () => {
    await start({
      adapter: 'fastify',
      httpAdapter: new FastifyAdapter({ http2: true } as never),
    });
    const session = connectHttp2(host.url);
    onTestFinished(() => session.close());
    const get = async (path: string, from: string, headers: Record<string, string> = {}) => {
      const stream = session.request({
        ...byForwarding(from),
        ...headers,
        ...(path && { ':path': path }),
      });
      let hasBeenInvited = false;
      stream.on('continue', () => (hasBeenInvited = true));
      const [head] = (await once(stream, 'response')) as [Record<string, number>];
      stream.resume();
      await once(stream, 'close');
      return { status: head[':status'], hasBeenInvited };
    };
    expect(await get('/', BLOCKED)).toMatchObject({ status: 403 });
    expect(await get('/nowhere', BLOCKED)).toMatchObject({ status: 403 });
    expect(await get('/open', BLOCKED)).toMatchObject({ status: 200 });
    expect(await get('/', FREE)).toMatchObject({ status: 200 });
    const expecting = { ':method': 'POST', expect: '100-continue' };
    expect(await get('/', BLOCKED, expecting)).toEqual({ status: 403, hasBeenInvited: false });
    expect(await get('/', FREE, expecting)).toEqual({ status: 404, hasBeenInvited: true });
    expect(await get('', BLOCKED, { ':method': 'CONNECT', ':authority': 'x:1' })).toMatchObject({
      status: 403,
    });
    const rows = await host.rows(7);
    expect(rows.map(({ method, outcome }) => `${method} ${outcome}`).sort()).toEqual([
      'CONNECT blocked',
      'GET blocked',
      'GET blocked',
      'GET served',
      'GET served',
      'POST blocked',
      'POST unmatched',
    ]);
  });
});

describe('an HTTP/2 stream that its client cancels', () => {
  it('is aborted', async () => {
    @Controller()
    class Slow {
      @Get('slow')
      async slow() {
        await new Promise((resolve) => setTimeout(resolve, 300));
        return 'too late';
      }
    }
    await start({
      adapter: 'fastify',
      httpAdapter: new FastifyAdapter({ http2: true } as never),
      controllers: [Slow],
    });
    const session = connectHttp2(host.url);
    onTestFinished(() => session.close());
    const stream = session.request({ ':path': '/slow', ...byForwarding(FREE) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    stream.close();
    expect(await host.rows(1)).toMatchObject([{ path: '/slow', outcome: 'aborted' }]);
  });
});

describe('an adapter that the edge does not know', () => {
  class OtherAdapter extends ExpressAdapter {
    override getType(): string {
      return 'other';
    }
  }

  it('is left to the guard, which opens the record', async () => {
    await start({ adapter: 'express', httpAdapter: new OtherAdapter() });
    expect((await host.send({ from: BLOCKED })).json()).toEqual(FORBIDDEN);
    expect((await host.send({ path: '/open', from: BLOCKED })).status).toBe(200);
    expect((await host.send({ from: FREE })).json()).toEqual({ ip: FREE });
    const rows = await host.rows(3);
    expect(
      rows.map(({ status, outcome, route }) => `${status} ${outcome} ${route}`).sort(),
    ).toEqual(['200 served /', '200 served /open', '403 blocked /']);
  });
});
