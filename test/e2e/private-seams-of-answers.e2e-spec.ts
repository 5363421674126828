import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import fastifyCors from '@fastify/cors';
import { Controller, Get, type INestApplication, Version, VersioningType } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import cors from 'cors';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { IpRuleService, SkipIpRules } from '../../src/index.js';
import { startHost, type Host, type HostOptions } from '../support/host-app.js';

/*
 * Canaries as in private-seams.e2e-spec.ts (docs/private-seams.md), of how what a blocked client gets is written, and of
 * what the host has set that goes with it.
 */

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';
const ORIGIN = 'https://shop.example';

@Controller('open')
@SkipIpRules()
class OpenRoutes {
  @Get(':name')
  open() {
    return 'open';
  }
}

async function start(options: HostOptions): Promise<Host> {
  const host = await startHost({ controllers: [OpenRoutes], ...options });
  onTestFinished(() => host.close());
  await host.app.get(IpRuleService).block(BLOCKED);
  return host;
}

const allowedOrigin = async (host: Host, path = '/') => {
  const { status, headers } = await host.send({ path, from: BLOCKED, headers: { origin: ORIGIN } });
  return [status, headers['access-control-allow-origin']];
};
const enable = (app: INestApplication) => app.enableCors({ origin: ORIGIN });

describe('CORS on Express', () => {
  it('enableCors: mounts a layer, which is found although a bundler has taken its name', async () => {
    const host = await start({
      adapter: 'express',
      configure: (app) => {
        const { stack } = (app.getHttpAdapter().getInstance() as express.Express).router;
        const before = stack.length;
        enable(app);
        expect(stack.length).toBe(before + 1);
        Object.defineProperty(stack.at(-1)!.handle, 'name', { value: 'a' });
      },
    });
    expect(await allowedOrigin(host)).toEqual([403, ORIGIN]);
  });

  it('corsMiddleware: is the name of what the package cors makes', async () => {
    expect(cors().name).toBe('corsMiddleware');
    const host = await start({
      adapter: 'express',
      configure: (app) => void app.use(cors({ origin: ORIGIN })),
    });
    expect(await allowedOrigin(host)).toEqual([403, ORIGIN]);
  });

  it("app.request: makes a request of Express' of one of node's, for a function of the host's", async () => {
    const asked: unknown[] = [];
    const host = await start({
      adapter: 'express',
      configure: (app) =>
        app.enableCors((request: express.Request, done: (error: null, options: object) => void) => {
          asked.push([request.header('Origin'), request.path, request.originalUrl, request.ip]);
          done(null, { origin: ORIGIN });
        }),
    });
    expect(await allowedOrigin(host, '/a/b?c=1')).toEqual([403, ORIGIN]);
    expect(asked).toEqual([[ORIGIN, '/a/b', '/a/b?c=1', '127.0.0.1']]);
  });
});

describe('CORS on Fastify', () => {
  it("corsHook: is where Nest's adapter keeps the hook that enableCors makes", async () => {
    const httpAdapter = new FastifyAdapter();
    const host = await start({ adapter: 'fastify', httpAdapter, configure: enable });
    expect(Reflect.get(httpAdapter, 'corsHook')).toBeTypeOf('function');
    expect(await allowedOrigin(host)).toEqual([403, ORIGIN]);
  });

  it('handleCors: is the name of the hook that @fastify/cors adds', async () => {
    const host = await start({
      adapter: 'fastify',
      configure: (app) =>
        void (app as NestFastifyApplication).register(fastifyCors, { origin: ORIGIN }),
    });
    expect(await allowedOrigin(host)).toEqual([403, ORIGIN]);
  });
});

describe('an answer', () => {
  it.each([
    ['writeHead: is a method of each response, and begins an answer', 'writeHead'],
    ['flushHeaders: is a method of each response, and begins an answer', 'flushHeaders'],
    ['response.write: is what a stream writes to', 'write'],
    ['response.end: ends each answer, and begins one that has not begun', 'end'],
  ] as const)('%s', async (_, name) => {
    const written: string[] = [];
    const host = await start({
      adapter: 'express',
      configure: (app) => {
        app.use((request: { url: string }, response: ServerResponse, next: () => void) => {
          if (request.url !== '/open/written') return next();
          const method = response[name] as (...args: unknown[]) => unknown;
          Object.assign(response, {
            [name](this: ServerResponse, ...args: unknown[]) {
              written.push(name);
              return Reflect.apply(method, this, args);
            },
          });
          if (name === 'flushHeaders') response.flushHeaders();
          Readable.from(['a', 'b']).pipe(response);
        });
      },
    });
    const free = await host.send({ path: '/open/written', from: FREE });
    expect([free.status, free.text]).toEqual([200, 'ab']);
    expect(written).toContain(name);
    expect((await host.send({ path: '/open/written', from: BLOCKED })).status).toBe(403);
  });
});

it('__version__: is where a controller and a handler say their versions', async () => {
  @Controller({ path: 'login', version: 'of-a-controller' })
  class Versioned {
    @Get()
    login() {
      return 'ok';
    }

    @Get('again')
    @Version('of-a-handler')
    again() {
      return 'ok';
    }
  }
  const host = await start({
    adapter: 'express',
    controllers: [Versioned],
    configure: (app) => void app.enableVersioning({ type: VersioningType.URI }),
  });
  const paths = ['/vof-a-controller/login', '/vof-a-handler/login/again', '/vof-nobody/login'];
  for (const path of paths) await host.send({ path, from: FREE });
  const rows = await host.rows(3);
  expect(rows.map(({ sensitive }) => sensitive)).toEqual([true, true, false]);
});
