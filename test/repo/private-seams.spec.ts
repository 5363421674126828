import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import {
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
  type Http2Server,
} from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { Controller, Get, Module, UseGuards, UseInterceptors } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { SkipThrottle, Throttle } from '@nestjs/throttler';
import { Command, CommandFactory } from 'nest-commander';
import { Client, Connection } from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { OperatorCommand } from '../../src/cli/operator-command.js';
import { endingOf, type Ending } from '../../src/edge/ending.js';
import { describeRoute } from '../../src/edge/route-description.js';
import { IpRuleGuard, RequestLogInterceptor } from '../../src/index.js';
import { RawSocket, statusesIn } from '../support/raw-socket.js';
import { ROOT, textOf } from './source-tree.js';

/*
 * Canaries of what the code leans on and nobody has promised (docs/private-seams.md), where no app is needed. When a
 * package is renewed and one of these fails, the page says what a user would have seen.
 */

async function listening(server: Server | Http2Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

describe('the metadata of Nest', () => {
  class Guarded {
    method(): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Guarded.prototype, 'method')!;
  const keys = () => Reflect.getMetadataKeys(Guarded.prototype.method) as string[];

  it('__guards__: Nest keeps there what @UseGuards() binds, to a method and to a class', () => {
    UseGuards(IpRuleGuard)(Guarded.prototype, 'method', descriptor);
    UseGuards(IpRuleGuard)(Guarded);
    expect(Reflect.getMetadata('__guards__', Guarded.prototype.method)).toEqual([IpRuleGuard]);
    expect(Reflect.getMetadata('__guards__', Guarded)).toEqual([IpRuleGuard]);
  });

  it('__interceptors__: Nest keeps there what @UseInterceptors() binds', () => {
    UseInterceptors(RequestLogInterceptor)(Guarded.prototype, 'method', descriptor);
    expect(Reflect.getMetadata('__interceptors__', Guarded.prototype.method)).toEqual([
      RequestLogInterceptor,
    ]);
  });

  it('path: of a method that is a route of HTTP, and of no other', () => {
    expect(Reflect.hasMetadata('path', Guarded.prototype.method)).toBe(false);
    Get('somewhere')(Guarded.prototype, 'method', descriptor);
    expect(Reflect.getMetadata('path', Guarded.prototype.method)).toBe('somewhere');
  });

  it('__fastify_route_config__: what @RouteConfig() says of a route', () => {
    RouteConfig({ mine: 1 })(Guarded.prototype, 'method', descriptor);
    expect(Reflect.getMetadata('__fastify_route_config__', Guarded.prototype.method)).toEqual({
      mine: 1,
    });
  });

  it('THROTTLER: the decorators of @nestjs/throttler name our throttler at the end of their keys', () => {
    const plain = { limit: 1, ttl: 1_000 };
    const full = {
      ...plain,
      blockDuration: 1,
      getTracker: () => 'x',
      generateKey: () => 'x',
    };
    Throttle({ 'ip-tracking': full })(Guarded.prototype, 'method', descriptor);
    SkipThrottle({ 'ip-tracking': true })(Guarded.prototype, 'method', descriptor);
    const kinds = ['SKIP', 'LIMIT', 'TTL', 'BLOCK_DURATION', 'TRACKER', 'KEY_GENERATOR'];
    expect(keys()).toEqual(
      expect.arrayContaining(kinds.map((kind) => `THROTTLER:${kind}ip-tracking`)),
    );
    class Skipped {
      method(): void {}
    }
    SkipThrottle({ 'ip-tracking': true })(Skipped);
    expect(describeRoute(Skipped.prototype.method, Skipped).isOfThrottler).toBe(true);
    @SkipThrottle()
    @Controller()
    class OfTheHost {
      method(): void {}
    }
    expect(describeRoute(OfTheHost.prototype.method, OfTheHost).isOfThrottler).toBe(false);
  });
});

describe('the servers of node', () => {
  it('server.emit: requests, upgrades, tunnels and expectations all pass it', async () => {
    const EVENTS = ['request', 'upgrade', 'connect', 'checkContinue', 'checkExpectation'];
    const server = createServer();
    const told: string[] = [];
    const emit = server.emit;
    server.emit = function (this: Server, event: string, ...args: unknown[]): boolean {
      if (!EVENTS.includes(event)) return Reflect.apply(emit, this, [event, ...args]) as boolean;
      told.push(event);
      const other = args[1] as ServerResponse | Socket;
      if (other instanceof ServerResponse) other.writeHead(200, { connection: 'close' }).end();
      else other.destroy();
      return true;
    };
    // Node asks whether anybody listens before it tells of some of these; nobody here is ever called.
    const unheard = vi.fn<() => void>();
    for (const event of EVENTS) server.on(event, unheard);
    const url = await listening(server);
    for (const head of [
      ['GET / HTTP/1.1', 'Host: x'],
      ['GET / HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'],
      ['CONNECT x:1 HTTP/1.1', 'Host: x'],
      ['POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Expect: 100-continue'],
      ['POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Expect: tea'],
    ]) {
      const socket = await RawSocket.toUrl(url);
      socket.write(...head);
      await socket.untilClosed();
    }
    expect(told).toEqual(EVENTS);
    expect(unheard).not.toHaveBeenCalled();
  });

  it('_sent100: node notes on a response that its client was told to go on', async () => {
    const noted: unknown[] = [];
    const server = createServer();
    server.on('checkContinue', (_: IncomingMessage, response: ServerResponse) => {
      const wasInvited = (): unknown => Reflect.get(response, '_sent100');
      noted.push(wasInvited());
      response.writeContinue();
      noted.push(wasInvited());
      response.end();
    });
    const socket = await RawSocket.toUrl(await listening(server));
    socket.write('POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Expect: 100-continue');
    expect(statusesIn(await socket.until(/200 OK/))).toEqual([100, 200]);
    socket.destroy();
    expect(noted).toEqual([false, true]);
  });

  it('assignSocket: a response of node can be written to the socket of an upgrade', async () => {
    const server = createServer().on('upgrade', (request, socket) => {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Socket);
      response.once('finish', () => {
        response.detachSocket(socket as Socket);
        socket.end();
      });
      response.writeHead(403, { 'content-length': '2' });
      response.end('no');
    });
    const socket = await RawSocket.toUrl(await listening(server));
    socket.write('GET / HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket');
    const answer = await socket.untilClosed();
    expect(statusesIn(answer)).toEqual([403]);
    expect(answer).toMatch(/^connection: close/im);
    expect(answer).toMatch(/\r\n\r\nno$/);
  });

  it('errored: what is left of a response tells whether its client has hung up, on HTTP/1', async () => {
    const endings: Record<string, Ending> = {};
    const opened = new Map<string, () => void>();
    const server = createServer((request, response) => {
      response.on('close', () => (endings[request.url!] = endingOf(response, false)));
      switch (request.url) {
        case '/whole':
          response.end('whole');
          break;
        case '/broken-off':
          response.write('half', () => response.destroy());
          break;
        case '/failed':
          response.write('half', () => response.destroy(new Error('broken')));
          break;
        default:
          response.write('half', () => opened.get(request.url!)!());
      }
    });
    const url = await listening(server);
    const ask = async (path: string, leave?: (socket: Socket) => void): Promise<void> => {
      const client = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
      client.on('error', () => undefined).resume();
      const isOpen = new Promise<void>((resolve) => opened.set(path, resolve));
      client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const closed = once(client, 'close');
      if (leave !== undefined) {
        await isOpen;
        leave(client);
      }
      await closed;
    };
    await ask('/whole');
    await ask('/broken-off');
    await ask('/failed');
    await ask('/client-ends', (client) => client.end());
    await ask('/client-resets', (client) => client.resetAndDestroy());
    await expect.poll(() => Object.keys(endings).length).toBe(5);
    const isLeft = (path: string) => endings[path]?.hasClientLeft;
    expect(endings['/whole']).toEqual({ status: 200, isComplete: true, hasClientLeft: false });
    expect(['/broken-off', '/failed'].map(isLeft)).toEqual([false, false]);
    expect(['/client-ends', '/client-resets'].map(isLeft)).toEqual([true, true]);
    expect(Object.values(endings).filter(({ isComplete }) => isComplete)).toHaveLength(1);
  });

  it('rstCode: what is left of a stream tells the same, on HTTP/2', async () => {
    const endings: Record<string, Ending> = {};
    const server = createHttp2Server((request, response) => {
      const raw = response as unknown as ServerResponse;
      response.on('close', () => (endings[request.url] = endingOf(raw, true)));
      if (request.url === '/whole') response.end('whole');
      else if (request.url === '/failed') {
        response.write('half', () => response.stream.destroy(new Error('broken')));
      } else response.write('half');
    });
    const client = connectHttp2(await listening(server));
    onTestFinished(() => client.destroy());
    client.on('error', () => undefined);
    const ask = async (path: string, leave?: number): Promise<void> => {
      const stream = client.request({ ':path': path });
      stream.on('error', () => undefined);
      await once(stream, 'data').catch(() => undefined);
      if (leave !== undefined) stream.close(leave);
      else stream.resume();
      await expect.poll(() => endings[path]).toBeDefined();
    };
    await ask('/whole');
    await ask('/failed');
    await ask('/cancelled', constants.NGHTTP2_CANCEL);
    await ask('/refused', constants.NGHTTP2_ENHANCE_YOUR_CALM);
    const told = Object.entries(endings).map(([path, { isComplete, hasClientLeft }]) => [
      path,
      isComplete,
      hasClientLeft,
    ]);
    expect(told).toEqual([
      ['/whole', true, false],
      ['/failed', false, false],
      ['/cancelled', false, true],
      ['/refused', false, true],
    ]);
  });

  it('process.nextTick: is JavaScript, and makes an object for each tick', () => {
    // Another shape has other costs: measure them with `npm run bench -- next-tick`, and warm it up only if it helps.
    expect(process.nextTick.toString()).toMatch(/const tickObject = {[^}]*callback,[^}]*};/);
  });
});

describe('the driver of PostgreSQL', () => {
  it('sendCopyFromChunk: the calls that a COPY needs', () => {
    const calls = Connection.prototype as unknown as Record<string, unknown>;
    expect(['query', 'sendCopyFromChunk', 'endCopyFrom'].map((name) => typeof calls[name])).toEqual(
      ['function', 'function', 'function'],
    );
  });

  it('connection.stream: the socket of a client, before and after it is connected', () => {
    const client = new Client({ connectionString: 'postgres://127.0.0.1:1/none' });
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    expect(typeof stream.destroy).toBe('function');
  });

  it('handleCopyInResponse: pg calls no method of a query that ours does not have', () => {
    const path = require.resolve('pg/lib/client.js');
    const called = new Set(
      [
        ...readFileSync(path, 'utf8').matchAll(/\b(?:activeQuery|query)\.(handle\w+|submit)\(/g),
      ].map(([, name]) => name!),
    );
    expect(called.size).toBeGreaterThan(8);
    const ours = textOf('src/database/copy-in.ts');
    expect([...called].filter((name) => !new RegExp(`^  ${name}\\(`, 'm').test(ours))).toEqual([]);
  });
});

describe('ws', () => {
  it('_server: the HTTP server that a server of ws makes for its port', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => server.close());
    await once(server, 'listening');
    expect(Reflect.get(server, '_server')).toMatchObject({ listening: true });
  });
});

describe('nest-commander', () => {
  it('setCommand: each command passes it, and commander does there what we ask', async () => {
    @Command({ name: 'probe', arguments: '<one>', description: 'for a test' })
    class ProbeCommand extends OperatorCommand {
      override run(): Promise<void> {
        return Promise.resolve();
      }
    }
    @Module({ providers: [ProbeCommand] })
    class ProbeModule {}
    const { argv } = process;
    const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${code}`);
    });
    onTestFinished(() => {
      process.argv = argv;
      exit.mockRestore();
    });
    const run = async (...words: string[]): Promise<string> => {
      process.argv = [argv[0]!, 'ip-tracking', ...words];
      try {
        await CommandFactory.run(ProbeModule, {
          logger: false,
          abortOnError: false,
          outputConfiguration: { writeOut: () => undefined, writeErr: () => undefined },
          serviceErrorHandler: (error) => {
            throw error;
          },
        });
        return 'ran';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(await run('probe', 'one')).toBe('ran');
    expect(await run('probe', 'one', 'two')).toBe('exit 2');
    expect(await run('probe', '--help')).toBe('exit 0');
  });
});

describe('geoip-lite', () => {
  it('city.checksum: names the archive that its data was made of, and so their day', () => {
    const path = join(ROOT, 'node_modules/geoip-lite/data/city.checksum');
    expect(readFileSync(path, 'utf8')).toMatch(/_20\d\d[01]\d[0-3]\d\.zip/);
  });
});

describe('the head of a response', () => {
  it('_header: node keeps there what it has handed to the client, and null until then', async () => {
    const seen: unknown[] = [];
    const server = createServer((_, response) => {
      const look = () => (response as unknown as Record<string, unknown>)['_header'];
      seen.push(look());
      response.statusCode = 201;
      response.end('made');
      response.statusCode = 500;
      seen.push(String(look()).slice(0, 13), endingOf(response, false).status);
    });
    const { status } = await fetch(await listening(server));
    expect({ status, seen }).toEqual({ status: 201, seen: [null, 'HTTP/1.1 201 ', 201] });
  });
});
