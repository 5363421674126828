import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import {
  All,
  Body,
  Controller,
  Get,
  Header,
  type INestApplication,
  Next,
  Post,
  Redirect,
  StreamableFile,
  VersioningType,
} from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { IpRuleService, RateLimit, SkipIpRules } from '../../src/index.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { RawSocket, statusesIn } from '../support/raw-socket.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';
const FORBIDDEN = '{"statusCode":403,"message":"Forbidden"}';
const SECRET = 'nobody who is blocked may read this';

@Controller('open')
@SkipIpRules()
class OpenRoutes {
  @Get('stream')
  @Header('x-from', 'the handler')
  stream() {
    return new StreamableFile(Readable.from(['a', 'b', 'c']));
  }

  @Get('moved')
  @Redirect('/open/stream', 302)
  moved() {}

  @Post('letters')
  letter(@Body() body: unknown) {
    return body;
  }

  @Get('limited/twice')
  @RateLimit({ name: 'twice', anonymous: 2 })
  limited() {
    return 'open';
  }

  @Get(':name')
  name() {
    return 'open';
  }
}

@Controller('closed')
class ClosedRoutes {
  static runs = 0;

  @All()
  closed() {
    ClosedRoutes.runs += 1;
    return SECRET;
  }
}

@Controller({ path: 'versioned', version: '1' })
@SkipIpRules()
class OpenVersion {
  @Get()
  open() {
    return 'open';
  }
}

@Controller({ path: 'versioned', version: '2' })
class ClosedVersion {
  @Get()
  closed() {
    return SECRET;
  }
}

class Health {
  static readonly ran: string[] = [];

  @Get('health')
  health() {
    Health.ran.push(this.constructor.name);
    return 'well';
  }

  @Get('open')
  @SkipIpRules()
  open() {
    return 'open';
  }
}

@Controller('exempt')
@SkipIpRules()
class ExemptHealth extends Health {}

@Controller('plain')
class PlainHealth extends Health {}

@Controller('limited')
@RateLimit({ name: 'health', anonymous: 100 })
class LimitedHealth extends Health {}

type Raw = IncomingMessage & { originalUrl?: string };
type Middleware = (request: Raw, response: ServerResponse, next: () => void) => void;

const use = (middleware: Middleware) => (app: INestApplication) => void app.use(middleware);

async function start(options: HostOptions): Promise<Host> {
  const host = await startHost({ controllers: [OpenRoutes, ClosedRoutes], ...options });
  onTestFinished(() => host.close());
  await host.app.get(IpRuleService).block(BLOCKED);
  return host;
}

/** A folder with one file, which a blocked client may not read. */
function folderWith(file: string): string {
  const folder = temporaryFolder('static');
  onTestFinished(() => folder.remove());
  writeFileSync(join(folder.path, file), SECRET.repeat(10_000));
  return folder.path;
}

interface Attempt {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** What a blocked client gets and what the log says of it, and the status that somebody else gets. */
async function answers(host: Host, attempt: Attempt) {
  const before = (await host.rows(0)).length;
  const { status, text, headers } = await host.send({ ...attempt, from: BLOCKED });
  // What Express and node add to any answer.
  for (const name of ['date', 'connection', 'keep-alive', 'x-powered-by', 'etag']) {
    delete headers[name];
  }
  const rows = (await host.rows(before + 1)).slice(before);
  const elsewhere = (await host.send({ ...attempt, from: FREE })).status;
  await host.rows(before + 2);
  return {
    blocked: { status, text, headers },
    rows: rows.map((row) => `${row.status} ${row.outcome} ${row.reason} ${row.rule_id !== null}`),
    elsewhere,
  };
}

/** The plain 403 and nothing else, one row, and the answer for everybody else. */
function refused(elsewhere = 200, text = FORBIDDEN) {
  return {
    blocked: {
      status: 403,
      text,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(FORBIDDEN.length),
        'cache-control': 'no-store',
      },
    },
    rows: ['403 blocked rule true'],
    elsewhere,
  };
}

describe.each(ADAPTERS)('a blocked client on %s', (adapter) => {
  it('gets what the exempt handlers answer, whatever it is', async () => {
    const host = await start({
      adapter,
      configure: use((_, response, next) => {
        response.setHeader('x-from-middleware', 'yes');
        next();
      }),
    });
    const plain = await host.send({ path: '/open/x', from: BLOCKED });
    expect(plain).toMatchObject({ status: 200, text: 'open' });
    expect(plain.headers['x-from-middleware']).toBe('yes');
    const stream = await host.send({ path: '/open/stream', from: BLOCKED });
    expect(stream).toMatchObject({ status: 200, text: 'abc' });
    expect(stream.headers['x-from']).toBe('the handler');
    const moved = await host.send({ path: '/open/moved', from: BLOCKED });
    expect(moved).toMatchObject({ status: 302, headers: { location: '/open/stream' } });
    const letter = await host.send({ path: '/open/letters', body: { a: 1 }, from: BLOCKED });
    expect(letter).toMatchObject({ status: 201, text: '{"a":1}' });
    const head = await host.send({ path: '/open/x', method: 'HEAD', from: BLOCKED });
    expect(head).toMatchObject({ status: 200, text: '' });
    const rows = await host.rows(5);
    expect(rows.map(({ outcome, rule_id }) => [outcome, rule_id])).toEqual(
      rows.map(() => ['served', null]),
    );
  });

  it('is invited to send what an exempt handler takes', async () => {
    const host = await start({ adapter });
    const socket = await RawSocket.toUrl(host.url);
    socket.write(
      'POST /open/letters HTTP/1.1',
      'Host: x',
      `X-Forwarded-For: ${BLOCKED}`,
      'Content-Type: application/json',
      'Content-Length: 7',
      'Expect: 100-continue',
      'Connection: close',
    );
    await socket.until(/100 Continue/);
    socket.write('{"a":1}');
    expect(statusesIn(await socket.untilClosed())).toEqual([100, 201]);
  });

  it('gets what a method answers that controllers inherit, of those alone that are exempt', async () => {
    const host = await start({ adapter, controllers: [PlainHealth, ExemptHealth, LimitedHealth] });
    const status = async (path: string) => (await host.send({ path, from: BLOCKED })).status;
    Health.ran.length = 0;
    // Twice, since what is known of a handler is kept: whoever asks first must not decide for the others.
    for (const round of [1, 2]) {
      expect({ round, exempt: await status('/exempt/health') }).toEqual({ round, exempt: 200 });
      expect({ round, plain: await status('/plain/health') }).toEqual({ round, plain: 403 });
      expect({ round, limited: await status('/limited/health') }).toEqual({ round, limited: 403 });
      for (const controller of ['exempt', 'plain', 'limited']) {
        expect(await status(`/${controller}/open`)).toBe(200);
      }
    }
    // What the others would have done, they have not.
    expect(Health.ran).toEqual(['ExemptHealth', 'ExemptHealth']);
  });

  it.each(['guards', 'edge'] as const)(
    'is limited there like anybody, at the %s',
    async (checkAt) => {
      const host = await start({ adapter, options: { rateLimits: { checkAt } } });
      const statuses: number[] = [];
      for (let i = 0; i < 3; i += 1) {
        statuses.push((await host.send({ path: '/open/limited/twice', from: BLOCKED })).status);
      }
      expect(statuses).toEqual([200, 200, 429]);
      const rows = await host.rows(3);
      expect(rows.map(({ outcome }) => outcome)).toEqual(['served', 'served', 'throttled']);
    },
  );

  it('gets 403 for another version by header, and for one that there is not', async () => {
    const host = await start({
      adapter,
      controllers: [OpenVersion, ClosedVersion],
      configure: (app) =>
        void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
    });
    const path = '/versioned';
    const open = { path, headers: { 'x-version': '1' } };
    expect(await host.send({ ...open, from: BLOCKED })).toMatchObject({ status: 200 });
    await host.rows(1);
    expect(await answers(host, { path, headers: { 'x-version': '2' } })).toEqual(refused());
    expect(await answers(host, { path, headers: { 'x-version': '9' } })).toEqual(refused(404));
    expect(await answers(host, { path })).toEqual(refused(404));
  });

  it.each([
    ['its head and its end', (response) => response.writeHead(200, { etag: 'x' }).end(SECRET)],
    ['its end alone', (response) => response.end(SECRET, () => undefined)],
    ['one write', (response) => response.write(SECRET, 'utf8', () => response.end())],
    [
      'its head, early',
      (response) => {
        response.flushHeaders();
        setImmediate(() => response.end(SECRET));
      },
    ],
    ['a stream', (response) => Readable.from([SECRET, SECRET]).pipe(response)],
    ['a pipeline', (response) => pipeline(Readable.from([SECRET]), response, () => undefined)],
    [
      'hints, and then itself',
      (response) => {
        response.writeEarlyHints({ link: '</secret.css>; rel=preload' });
        response.end(SECRET);
      },
    ],
    [
      'what another one has wrapped',
      (response) => {
        // As compression does it, and whoever sets a header at the last moment.
        const { writeHead, end } = response;
        response.writeHead = function (this: ServerResponse, ...args: unknown[]) {
          this.setHeader('x-secret', 'set at the last moment');
          return Reflect.apply(writeHead, this, args) as ServerResponse;
        };
        response.end = function (this: ServerResponse, ...args: unknown[]) {
          this.writeHead(200);
          return Reflect.apply(end, this, args) as ServerResponse;
        };
        response.end(SECRET);
      },
    ],
    [
      'a status of its own',
      (response) => {
        response.statusMessage = 'Very Secret';
        response.statusCode = 418;
        response.end();
      },
    ],
    ['after a while', (response) => setTimeout(() => response.end(SECRET), 20)],
  ] as [string, (response: ServerResponse) => unknown][])(
    'gets 403 where a middleware answers under the pattern: %s',
    async (what, respond) => {
      const host = await start({
        adapter,
        configure: use((request, response, next) => {
          if ((request.originalUrl ?? request.url) !== '/open/middleware') return next();
          response.setHeader('set-cookie', 'session=secret');
          respond(response);
        }),
      });
      const attempt = { path: '/open/middleware' };
      expect(await answers(host, attempt)).toEqual(
        refused(what === 'a status of its own' ? 418 : 200),
      );
    },
  );

  it('has no handler run that is not exempt, whatever it would answer', async () => {
    const host = await start({ adapter });
    ClosedRoutes.runs = 0;
    for (const method of ['GET', 'POST', 'DELETE']) {
      expect((await host.send({ path: '/closed', method, from: BLOCKED })).status).toBe(403);
    }
    expect(ClosedRoutes.runs).toBe(0);
    expect((await host.send({ path: '/closed', from: FREE })).status).toBe(200);
    expect(ClosedRoutes.runs).toBe(1);
  });

  it('gets no hints of what a middleware answers', async () => {
    const host = await start({
      adapter,
      configure: use((_, response, next) => {
        response.writeEarlyHints({ link: '</secret.css>; rel=preload' });
        next();
      }),
    });
    const received = async (path: string, client: string) => {
      const socket = await RawSocket.toUrl(host.url);
      socket.write(
        `GET ${path} HTTP/1.1`,
        'Host: x',
        `X-Forwarded-For: ${client}`,
        'Connection: close',
      );
      return statusesIn(await socket.untilClosed());
    };
    expect(await received('/open/x', FREE)).toEqual([103, 200]);
    expect(await received('/open/x', BLOCKED)).toEqual([200]);
    expect(await received('/closed', BLOCKED)).toEqual([403]);
  });

  it('gets 403 for a static file that a middleware serves', async () => {
    const files = express.static(folderWith('file.txt'));
    const host = await start({
      adapter,
      configure: (app) => void app.use('/open', files),
    });
    expect(await answers(host, { path: '/open/file.txt' })).toEqual(refused());
    expect(await answers(host, { path: '/open/file.txt', method: 'HEAD' })).toEqual(
      refused(200, ''),
    );
    expect(
      await answers(host, { path: '/open/file.txt', headers: { range: 'bytes=0-9' } }),
    ).toEqual(refused(206));
    expect((await host.send({ path: '/open/no-file', from: BLOCKED })).text).toBe('open');
  });

  it('gets 403 where a middleware fails, or cannot read the body', async () => {
    const host = await start({
      adapter,
      configure: use((request, _, next) => {
        if ((request.originalUrl ?? request.url) === '/open/failing') throw new Error(SECRET);
        next();
      }),
    });
    expect(await answers(host, { path: '/open/failing' })).toEqual(refused(500));
    const { status, text } = await host.send({
      path: '/open/letters',
      body: '{"a":',
      from: BLOCKED,
    });
    expect({ status, text }).toEqual({ status: 403, text: FORBIDDEN });
  });
});

describe('a blocked client on express', () => {
  const adapter = 'express';

  it('gets 403 on another host', async () => {
    @Controller({ host: 'open.example', path: 'hosted' })
    @SkipIpRules()
    class OpenHost {
      @Get()
      open() {
        return 'open';
      }
    }
    @Controller({ host: 'closed.example', path: 'hosted' })
    class ClosedHost {
      @Get()
      closed() {
        return SECRET;
      }
    }
    const host = await start({ adapter, controllers: [OpenHost, ClosedHost] });
    const path = '/hosted';
    const open = { path, headers: { host: 'open.example' } };
    expect(await host.send({ ...open, from: BLOCKED })).toMatchObject({ status: 200 });
    await host.rows(1);
    expect(await answers(host, { path, headers: { host: 'closed.example' } })).toEqual(refused());
    expect(await answers(host, { path, headers: { host: 'other.example' } })).toEqual(refused(404));
  });

  it.each(['/closed', '/raw', '/files/file.txt'])('gets 403 where a URL becomes %s', async (to) => {
    const files = express.static(folderWith('file.txt'));
    const host = await start({
      adapter,
      configure: (app) => {
        app.use((request: Raw, _: ServerResponse, next: () => void) => {
          if (request.url === '/open/rewritten') request.url = to;
          next();
        });
        app.use('/files', files);
        const instance = app.getHttpAdapter().getInstance() as express.Express;
        instance.get('/raw', (_, response) => void response.send(SECRET));
      },
    });
    expect(await answers(host, { path: '/open/rewritten' })).toEqual(refused());
  });

  it('gets 403 from a handler that the host has registered itself', async () => {
    const file = join(folderWith('file.txt'), 'file.txt');
    const host = await start({
      adapter,
      configure: (app) => {
        const instance = app.getHttpAdapter().getInstance() as express.Express;
        instance.get('/open/text', (_, response) => void response.send(SECRET));
        instance.get('/open/json', (_, response) => void response.json({ SECRET }));
        instance.get('/open/file', (_, response) => response.sendFile(file));
      },
    });
    for (const path of ['/open/text', '/open/json', '/open/file']) {
      expect(await answers(host, { path })).toEqual(refused());
    }
  });

  it('gets 403 for the handler that the exempt one hands on to', async () => {
    @Controller('handed')
    class HandedOn {
      @Get('x')
      @SkipIpRules()
      first(@Next() next: () => void) {
        next();
      }

      @Get(':name')
      second() {
        return SECRET;
      }
    }
    const host = await start({ adapter, controllers: [HandedOn] });
    expect(await answers(host, { path: '/handed/x' })).toEqual(refused());
  });
});

describe('a blocked client on fastify', () => {
  const adapter = 'fastify';

  it('gets 403 where a URL is rewritten to another route, and what is exempt where it is not', async () => {
    const host = await start({
      adapter,
      httpAdapter: new FastifyAdapter({
        rewriteUrl: ({ url = '' }) =>
          url === '/open/rewritten' ? '/closed' : url === '/mine' ? '/open/x' : url,
      }),
    });
    expect(await answers(host, { path: '/open/rewritten' })).toEqual(refused());
    expect((await host.send({ path: '/mine', from: BLOCKED })).text).toBe('open');
  });

  it.each(['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const)(
    'gets 403 where a hook replies: %s',
    async (name) => {
      const host = await start({
        adapter,
        configure: (app) => {
          const instance = (app as NestFastifyApplication).getHttpAdapter().getInstance();
          // The overloads of addHook are one for each name.
          instance.addHook(name as 'preHandler', async (request, reply) => {
            if (request.url === '/open/hook') await reply.header('x-secret', '1').send(SECRET);
            if (request.url === '/open/gone') reply.callNotFound();
            if (request.url === '/open/raw') {
              reply.hijack();
              reply.raw.end(SECRET);
            }
          });
        },
      });
      expect(await answers(host, { path: '/open/hook' })).toEqual(refused());
      expect(await answers(host, { path: '/open/gone' })).toEqual(refused(404));
      expect(await answers(host, { path: '/open/raw' })).toEqual(refused());
    },
  );

  it('gets 403 for another host, and for a file of @fastify/static', async () => {
    const root = folderWith('file.txt');
    const host = await start({
      adapter,
      configure: (app) => {
        const fastify = app as NestFastifyApplication;
        fastify.useStaticAssets({ root, prefix: '/open/files/' });
        const instance = fastify.getHttpAdapter().getInstance();
        instance.route({
          method: 'GET',
          url: '/open/hosted',
          constraints: { host: 'closed.example' },
          handler: async () => SECRET,
        });
      },
    });
    expect(await answers(host, { path: '/open/files/file.txt' })).toEqual(refused());
    expect(
      await answers(host, { path: '/open/hosted', headers: { host: 'closed.example' } }),
    ).toEqual(refused());
    expect((await host.send({ path: '/open/hosted', from: BLOCKED })).text).toBe('open');
  });

  it.each([
    ['HTTP/1 and inject()', new FastifyAdapter()],
    ['HTTP/2', new FastifyAdapter({ http2: true } as never)],
  ])('gets 403 over %s', async (what, httpAdapter) => {
    const host = await start({
      adapter,
      httpAdapter,
      configure: use((request, response, next) => {
        if (request.url === '/open/end') response.end(SECRET);
        else if (request.url === '/open/stream-of-its-own') {
          Readable.from([SECRET, SECRET]).pipe(response);
        } else next();
      }),
    });
    const get = what === 'HTTP/2' ? http2Client(host.url) : injecting(host);
    for (const path of ['/open/end', '/open/stream-of-its-own']) {
      expect(await get(path)).toEqual({ status: 403, body: FORBIDDEN });
    }
    expect(await get('/open/x')).toEqual({ status: 200, body: 'open' });
    expect((await host.rows(3)).map(({ outcome }) => outcome)).toEqual([
      'blocked',
      'blocked',
      'served',
    ]);
  });
});

type Get = (path: string) => Promise<{ status: number; body: string }>;

function injecting({ app }: Host): Get {
  return async (url) => {
    const headers = { 'x-forwarded-for': BLOCKED };
    const { statusCode, body } = await (app as NestFastifyApplication).inject({
      url,
      headers,
      remoteAddress: '127.0.0.1',
    });
    return { status: statusCode, body };
  };
}

function http2Client(url: string): Get {
  const session = connectHttp2(url);
  onTestFinished(() => session.close());
  return async (path) => {
    const stream = session.request({ ':path': path, 'x-forwarded-for': BLOCKED });
    let body = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    const [head] = (await once(stream, 'response')) as [Record<string, number>];
    await once(stream, 'close');
    return { status: head[':status']!, body };
  };
}
