import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import {
  type ArgumentsHost,
  Body,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  ForbiddenException,
  Get,
  HttpCode,
  HttpException,
  Post,
  Redirect,
  Req,
  Res,
  Sse,
  StreamableFile,
  UnauthorizedException,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { interval, map, of } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AllowIps, IpRuleService, RequestLogService, Sensitive } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host, type LogRow } from '../support/host-app.js';
import { createTestDatabase } from '../support/postgres.js';
import { RawSocket, statusesIn } from '../support/raw-socket.js';

const BLOCKED = '203.0.113.7';

class Refuses implements CanActivate {
  constructor(private readonly refusal: HttpException) {}

  canActivate(): boolean {
    throw this.refusal;
  }
}

/** Answers what a handler has thrown with a status of its own. */
@Catch()
class AnswersWith implements ExceptionFilter {
  constructor(private readonly status: number) {}

  catch(_: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{
      status(code: number): { send(body: unknown): void };
    }>();
    response.status(this.status).send('filtered');
  }
}

/** Node's own response, whichever framework hands it out. */
type AnyResponse = ServerResponse & { raw?: ServerResponse; send(body: unknown): void };
const rawOf = (response: AnyResponse): ServerResponse => response.raw ?? response;

/** Requests that a handler has begun with and not answered. */
const begun = new Set<string>();

@Controller()
class Routes {
  @Get('ok')
  ok() {
    return 'ok';
  }

  @Post('echo')
  echo(@Body() body: unknown) {
    return body;
  }

  @Get('empty')
  @HttpCode(204)
  empty() {}

  @Get('unchanged')
  @HttpCode(304)
  unchanged() {}

  @Get('moved')
  @Redirect('/ok', 302)
  moved() {}

  @Get('teapot')
  teapot() {
    throw new HttpException('short and stout', 418);
  }

  @Get('own-403')
  @HttpCode(403)
  own403() {
    return 'no';
  }

  @Get('throws')
  throws() {
    throw new Error('a bug of the host');
  }

  @Get('rejects')
  rejects() {
    return Promise.reject(new Error('a bug of the host'));
  }

  @Get('throws-nothing')
  throwsNothing() {
    throw undefined;
  }

  @Get('filtered')
  @UseFilters(new AnswersWith(422))
  filtered() {
    throw new Error('a bug of the host');
  }

  @Get('filtered-503')
  @UseFilters(new AnswersWith(503))
  filtered503() {
    throw new Error('a bug of the host');
  }

  @Get('filtered-guard')
  @UseGuards(new Refuses(new UnauthorizedException()))
  @UseFilters(new AnswersWith(401))
  filteredGuard() {}

  @Get('needs-login')
  @UseGuards(new Refuses(new UnauthorizedException()))
  needsLogin() {}

  @Get('needs-role')
  @UseGuards(new Refuses(new ForbiddenException()))
  needsRole() {}

  @Get('office')
  @AllowIps('192.0.2.0/24')
  office() {}

  @Get('limited')
  @Sensitive()
  limited() {
    return 'ok';
  }

  @Get('stream')
  stream() {
    return new StreamableFile(Readable.from(['a', 'b']));
  }

  @Get('half')
  half(@Res() response: AnyResponse) {
    const raw = rawOf(response);
    raw.writeHead(200, { 'content-length': '10' });
    raw.write('half', () => raw.destroy(new Error('the source is gone')));
  }

  @Get('hung-up')
  hungUp(@Req() request: { raw?: { socket: { destroy(): void } }; socket: { destroy(): void } }) {
    (request.raw ?? request).socket.destroy();
    return new Promise(() => undefined);
  }

  @Sse('events')
  events() {
    return of({ data: 'one' }, { data: 'two' });
  }

  @Sse('endless')
  endless() {
    return interval(5).pipe(map((count) => ({ data: String(count) })));
  }

  @Get('late-status')
  lateStatus(@Res() response: AnyResponse) {
    const raw = rawOf(response);
    raw.statusCode = 201;
    raw.end('made');
    raw.statusCode = 500;
  }

  @Get('raw-answer')
  rawAnswer(@Res() response: AnyResponse) {
    rawOf(response).socket!.end('HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok');
  }

  @Get('detached')
  detached(@Res() response: AnyResponse) {
    const raw = rawOf(response);
    const socket = raw.socket!;
    raw.detachSocket(socket);
    socket.end('HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok');
  }

  @Get('detached-later')
  detachedLater(@Res() response: AnyResponse) {
    const raw = rawOf(response);
    const socket = raw.socket!;
    raw.writeHead(207, { connection: 'close' });
    raw.write('some', () => {
      raw.detachSocket(socket);
      socket.end();
    });
  }

  @Get('never/:id')
  never(@Req() request: { params: { id: string } }) {
    begun.add(request.params.id);
    return new Promise(() => undefined);
  }
}

/** What a case does: it has seen the end of the request, or has ended it. */
interface Case {
  readonly host: Host;
  readonly from: string;
  readonly socket: () => Promise<RawSocket>;
  /** Sends a request and gives its status. */
  readonly get: (path: string, method?: string) => Promise<number>;
  readonly head: (first: string, ...more: string[]) => string[];
}
type Expected = Partial<Pick<LogRow, 'method' | 'path' | 'route' | 'status' | 'outcome'>>;

const answered =
  (path: string, method?: string) =>
  async ({ get }: Case): Promise<number> =>
    get(path, method);

/** Each leaves one row, with what the client was told or would have been. */
type Row = [what: string, act: (given: Case) => Promise<number | void>, expected: Expected];
const ENDINGS: Row[] = [
  ['200', answered('/ok'), { status: 200, outcome: 'served' }],
  ['204', answered('/empty'), { status: 204, outcome: 'served' }],
  ['302', answered('/moved'), { status: 302, outcome: 'served' }],
  ['304', answered('/unchanged'), { status: 304, outcome: 'served' }],
  ['HEAD', answered('/ok', 'HEAD'), { status: 200, outcome: 'served', method: 'HEAD' }],
  ['HEAD without a route', answered('/no', 'HEAD'), { status: 404, outcome: 'unmatched' }],
  ['404 without a route', answered('/no'), { status: 404, outcome: 'unmatched', route: null }],
  ["a handler's own 418", answered('/teapot'), { status: 418, outcome: 'served' }],
  ["a handler's own 403", answered('/own-403'), { status: 403, outcome: 'refused' }],
  ["403 by a route's rule", answered('/office'), { status: 403, outcome: 'blocked' }],
  ["401 by the host's guard", answered('/needs-login'), { status: 401, outcome: 'refused' }],
  ["403 by the host's guard", answered('/needs-role'), { status: 403, outcome: 'refused' }],
  ['500 by throw', answered('/throws'), { status: 500, outcome: 'failed' }],
  ['500 by a rejected promise', answered('/rejects'), { status: 500, outcome: 'failed' }],
  ['500 by throw of nothing', answered('/throws-nothing'), { status: 500, outcome: 'failed' }],
  ['an exception filter', answered('/filtered'), { status: 422, outcome: 'served' }],
  ['one that answers 503', answered('/filtered-503'), { status: 503, outcome: 'failed' }],
  ['one behind a guard', answered('/filtered-guard'), { status: 401, outcome: 'refused' }],
  ['a stream', answered('/stream'), { status: 200, outcome: 'served' }],
  ['server-sent events', answered('/events'), { status: 200, outcome: 'served' }],
  [
    'a status that is changed after the answer',
    answered('/late-status'),
    { status: 201, outcome: 'served' },
  ],
  ...(
    [
      ['that a handler writes to the connection', '/raw-answer', / 202 /, 0],
      ['on a connection taken off its response', '/detached', / 202 /, 0],
      ['on one taken off it half-way', '/detached-later', /some/, 207],
    ] as const
  ).map(([what, path, said, status]): Row => [
    `an answer ${what}`,
    async ({ socket, head }) => {
      const client = await socket();
      client.write(...head(`GET ${path} HTTP/1.1`));
      await client.until(said);
      await client.untilClosed();
    },
    { path, status, outcome: 'failed' },
  ]),
  [
    '403 by a rule',
    async ({ host, from }) => {
      await host.app.get(IpRuleService).block(from);
      expect((await host.send({ path: '/ok', from })).status).toBe(403);
    },
    { status: 403, outcome: 'blocked' },
  ],
  [
    'a stream that fails half-way',
    async ({ socket, head }) => {
      const client = await socket();
      client.write(...head('GET /half HTTP/1.1'));
      expect(await client.untilClosed()).toMatch(/half$/);
    },
    { status: 200, outcome: 'failed' },
  ],
  [
    'a connection that is cut on our side before the answer',
    async ({ socket, head }) => {
      const client = await socket();
      client.write(...head('GET /hung-up HTTP/1.1'));
      expect(await client.untilClosed()).toBe('');
    },
    { status: 0, outcome: 'failed' },
  ],
  [
    'a client that leaves before the answer',
    async ({ socket, head, from }) => {
      const client = await socket();
      client.write(...head(`GET /never/${from} HTTP/1.1`));
      await eventually(() => begun.has(from));
      client.destroy();
    },
    { status: 499, outcome: 'aborted' },
  ],
  [
    'a client that leaves during the answer',
    async ({ socket, head }) => {
      const client = await socket();
      client.write(...head('GET /endless HTTP/1.1'));
      await client.until(/data: 1/);
      client.destroy();
    },
    { status: 200, outcome: 'aborted' },
  ],
  [
    'a client that leaves during its upload',
    async ({ host, socket, head }) => {
      const client = await socket();
      client.write(
        ...head('POST /echo HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 99'),
      );
      client.write('{"a":');
      await connectionsOf(host, 1);
      client.destroy();
    },
    // Express' parser answers 400 to whoever has left.
    { method: 'POST', outcome: 'aborted' },
  ],
  [
    'an upload that waits for its invitation',
    async ({ socket, head }) => {
      const client = await socket();
      client.write(
        ...head(
          'POST /echo HTTP/1.1',
          'Content-Type: application/json',
          'Content-Length: 2',
          'Expect: 100-continue',
        ),
      );
      await client.until(/100 Continue/);
      client.write('{}');
      await client.until(/ 201 /);
      client.destroy();
    },
    { method: 'POST', status: 201, outcome: 'served' },
  ],
  [
    'an upload that is not invited',
    async ({ host, socket, head, from }) => {
      await host.app.get(IpRuleService).block(from);
      const client = await socket();
      client.write(...head('POST /echo HTTP/1.1', 'Content-Length: 2', 'Expect: 100-continue'));
      expect(statusesIn(await client.untilClosed())).toEqual([403]);
    },
    { method: 'POST', status: 403, outcome: 'blocked' },
  ],
  [
    'another expectation',
    async ({ socket, head }) => {
      const client = await socket();
      client.write(...head('GET /ok HTTP/1.1', 'Expect: miracles', 'Connection: close'));
      expect(statusesIn(await client.untilClosed())).toEqual([417]);
    },
    { status: 417, outcome: 'served' },
  ],
  [
    'a WebSocket that is accepted',
    async ({ socket, head }) => {
      const client = await socket();
      client.write(...head('GET /ws HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket'));
      await client.until(/ 101 /);
      client.destroy();
    },
    { path: '/ws', status: 101, outcome: 'served' },
  ],
  [
    'a WebSocket that the host refuses',
    async ({ socket, head }) => {
      const client = await socket();
      client.write(...head('GET /private HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket'));
      expect(statusesIn(await client.untilClosed())).toEqual([401]);
    },
    { path: '/private', status: 401, outcome: 'refused' },
  ],
  [
    'a WebSocket that a rule refuses',
    async ({ host, socket, head, from }) => {
      await host.app.get(IpRuleService).block(from);
      const client = await socket();
      client.write(...head('GET /ws HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket'));
      expect(statusesIn(await client.untilClosed())).toEqual([403]);
    },
    { path: '/ws', status: 403, outcome: 'blocked' },
  ],
  [
    'a handler that never answers, until the server hangs up',
    async ({ host, socket, head, from }) => {
      const client = await socket();
      client.write(...head(`GET /never/${from} HTTP/1.1`));
      await eventually(() => begun.has(from));
      host.app.getHttpServer().closeAllConnections();
      expect(await client.untilClosed()).toBe('');
    },
    { route: '/never/:id', status: 0, outcome: 'failed' },
  ],
];

/** A host's own WebSockets. */
function answerHandshake(request: IncomingMessage, socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.resume();
  if (request.url === '/ws') {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');
  } else {
    socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
  }
}

/** The server has so many connections: what was sent before has reached it. */
async function connectionsOf(host: Host, atLeast: number): Promise<void> {
  const server = host.app.getHttpServer() as {
    getConnections(done: (error: Error | null, count: number) => void): void;
  };
  await eventually(
    () =>
      new Promise<boolean>((resolve) => {
        server.getConnections((_, count) => resolve(count >= atLeast));
      }),
  );
}

/** Waits for so many records in all, and for none beyond. */
async function rowsOf(host: Host, from: string, total: number): Promise<LogRow[]> {
  const rows = await host.rows(total);
  expect(host.app.get(RequestLogService).stats.enqueued).toBe(total);
  return rows.filter(({ ip_address }) => ip_address === from);
}

describe.each(ADAPTERS)('one row, with its true status and outcome, on %s', (adapter) => {
  let host: Host;
  let seen = 0;
  let clients = 0;

  beforeAll(async () => {
    begun.clear();
    host = await startHost({ adapter, controllers: [Routes] });
    host.app.getHttpServer().on('upgrade', answerHandshake);
  });
  afterAll(() => host.close());

  const given = (): Case => {
    clients += 1;
    const from = `198.51.100.${clients}`;
    return {
      host,
      from,
      socket: () => RawSocket.toUrl(host.url),
      get: async (path, method = 'GET') => (await host.send({ path, method, from })).status,
      head: (first, ...more) => [first, 'Host: x', `X-Forwarded-For: ${from}`, ...more],
    };
  };

  it.each(ENDINGS)('%s', async (_, act, expected) => {
    const client = given();
    const status = await act(client);
    seen += 1;
    const rows = await rowsOf(host, client.from, seen);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject(expected);
    // Of those whose answer was read, the status that the client has got.
    expect(status ?? rows[0]!.status).toBe(rows[0]!.status);
    expect(Number(rows[0]!.duration_us)).toBeGreaterThan(0);
  });

  it('429, and each request before it', async () => {
    const { from, get } = given();
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) statuses.push(await get('/limited'));
    seen += 6;
    const rows = await rowsOf(host, from, seen);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    expect(rows.map(({ status, outcome }) => `${status} ${outcome}`).sort()).toEqual([
      ...Array<string>(5).fill('200 served'),
      '429 throttled',
    ]);
  });

  it('each of a connection that stays, sent before the answer to the one before', async () => {
    const { from, head, socket } = given();
    const client = await socket();
    const paths = ['/ok', '/no', '/throws', '/empty', '/needs-role'];
    client.write(
      paths.map((path) => `${head(`GET ${path} HTTP/1.1`).join('\r\n')}\r\n\r\n`).join(''),
    );
    await eventually(() => statusesIn(client.received).length === paths.length);
    client.destroy();
    seen += paths.length;
    const rows = await rowsOf(host, from, seen);
    expect(statusesIn(client.received)).toEqual([200, 404, 500, 204, 403]);
    expect(rows.map(({ path, status, outcome }) => `${path} ${status} ${outcome}`).sort()).toEqual([
      '/empty 204 served',
      '/needs-role 403 refused',
      '/no 404 unmatched',
      '/ok 200 served',
      '/throws 500 failed',
    ]);
  });
});

describe.each(ADAPTERS)('an app that closes on %s', (adapter) => {
  it('writes the row of a request that it has never answered', async () => {
    begun.clear();
    const database = await createTestDatabase();
    const host = await startHost({ adapter, controllers: [Routes], database });
    const client = await RawSocket.toUrl(host.url);
    client.write('GET /never/closing HTTP/1.1', 'Host: x');
    await eventually(() => begun.has('closing'));
    const closing = host.close();
    // What a host does, or Nest's `forceCloseConnections`: the server itself waits for the answer.
    host.app.getHttpServer().closeAllConnections();
    await closing;
    expect(await client.untilClosed()).toBe('');
    expect(await database.query('select path, outcome from ip_tracking.request_log')).toEqual([
      { path: '/never/closing', outcome: 'failed' },
    ]);
    await database.close();
  });
});

/** What becomes of a stream: its answer is read to the end, or it is cancelled. */
type Ending = (stream: ClientHttp2Stream) => Promise<unknown>;

const read: Ending = async (stream) => {
  stream.resume();
  // Not once(), which rejects where the stream breaks off.
  await new Promise((resolve) => stream.on('close', resolve));
};
const cancelOnceBegun: Ending = async (stream) => {
  await eventually(() => begun.has('h2'));
  stream.close(constants.NGHTTP2_CANCEL);
};
const loseConnectionOnceBegun: Ending = async (stream) => {
  await eventually(() => begun.has('lost'));
  stream.session!.destroy();
};
const resetOnceAnswered: Ending = async (stream) => {
  await once(stream, 'data');
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
};
const cancelOnceAnswered: Ending = async (stream) => {
  await once(stream, 'data');
  stream.close(constants.NGHTTP2_CANCEL);
};

const OVER_HTTP2: [what: string, path: string, end: Ending, expected: Expected][] = [
  ['200', '/ok', read, { status: 200, outcome: 'served' }],
  ['204', '/empty', read, { status: 204, outcome: 'served' }],
  ['a status that is changed later', '/late-status', read, { status: 201, outcome: 'served' }],
  ['304', '/unchanged', read, { status: 304, outcome: 'served' }],
  ['404', '/no', read, { status: 404, outcome: 'unmatched' }],
  ['500', '/throws', read, { status: 500, outcome: 'failed' }],
  ["401 by the host's guard", '/needs-login', read, { status: 401, outcome: 'refused' }],
  ["403 by a route's rule", '/office', read, { status: 403, outcome: 'blocked' }],
  ['a stream', '/stream', read, { status: 200, outcome: 'served' }],
  ['server-sent events', '/events', read, { status: 200, outcome: 'served' }],
  [
    'one cancelled before the answer',
    '/never/h2',
    cancelOnceBegun,
    { status: 499, outcome: 'aborted' },
  ],
  ['one cancelled during it', '/endless', cancelOnceAnswered, { status: 200, outcome: 'aborted' }],
  ['one reset during it', '/endless', resetOnceAnswered, { status: 200, outcome: 'aborted' }],
  ['a stream that fails half-way', '/half', read, { status: 200, outcome: 'failed' }],
  [
    'one whose connection is lost',
    '/never/lost',
    loseConnectionOnceBegun,
    { status: 499, outcome: 'aborted' },
  ],
];

describe('one row, with its true status and outcome, over HTTP/2 on fastify', () => {
  let host: Host;
  let session: ClientHttp2Session;
  let seen = 0;

  beforeAll(async () => {
    begun.clear();
    host = await startHost({
      adapter: 'fastify',
      httpAdapter: new FastifyAdapter({ http2: true } as never),
      controllers: [Routes],
    });
    session = connectHttp2(host.url);
  });
  afterAll(async () => {
    session.destroy();
    await host.close();
  });

  /** Sends a request over the session and gives the status that came, if one did. */
  async function statusOf(path: string, from: string, end: Ending): Promise<number | null> {
    if (session.destroyed) session = connectHttp2(host.url);
    session.on('error', () => undefined);
    const stream = session.request({ ':path': path, 'x-forwarded-for': from });
    let status: number | null = null;
    stream.on('error', () => undefined);
    stream.on('response', (head) => (status = head[':status'] ?? null));
    await end(stream);
    seen += 1;
    return status;
  }

  it.each(OVER_HTTP2)('%s', async (_, path, end, expected) => {
    const from = `198.51.100.${seen + 1}`;
    const status = await statusOf(path, from, end);
    const rows = await rowsOf(host, from, seen);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject(expected);
    expect(status ?? rows[0]!.status).toBe(rows[0]!.status);
  });

  it('many that are reset at once, some of them behind an answer that has left', async () => {
    const from = '198.51.100.250';
    if (session.destroyed) session = connectHttp2(host.url);
    let arrived = 0;
    const count = () => void (arrived += 1);
    const server = host.app.getHttpServer() as Server;
    server.on('request', count);
    const wholly = new Set<string>();
    const streams = Array.from({ length: 200 }, (_, number) => async () => {
      const path = `/never/reset-${number}`;
      const isQuick = number % 2 === 0;
      const stream = session.request({
        ':path': isQuick ? `/ok?${number}` : path,
        'x-forwarded-for': from,
      });
      stream.on('error', () => undefined);
      stream.on('end', () => stream.rstCode === 0 && wholly.add(String(number)));
      stream.resume();
      setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 10 + (number % 60));
      await new Promise((resolve) => stream.on('close', resolve));
    });
    await Promise.all(streams.map((start) => start()));
    // Some were reset before they were sent. What was sent after them has come after them.
    const marker = session.request({ ':path': '/ok', 'x-forwarded-for': '198.51.100.251' });
    await read(marker);
    server.off('request', count);
    seen += arrived;
    const rows = await rowsOf(host, from, seen);
    expect(rows).toHaveLength(arrived - 1);
    const outcomes = (path: RegExp) => [
      ...new Set(rows.filter((row) => path.test(row.path)).map(({ outcome }) => outcome)),
    ];
    expect(outcomes(/never/)).toEqual(['aborted']);
    expect(outcomes(/ok/).filter((outcome) => !['served', 'aborted'].includes(outcome))).toEqual(
      [],
    );
    const served = rows.filter(({ outcome }) => outcome === 'served').length;
    // Whoever has got all of it was served; the others have left behind an answer that was on its way already.
    expect(served).toBeGreaterThanOrEqual(wholly.size);
    expect(rows.filter(({ status }) => status !== 200 && status !== 499)).toEqual([]);
  });

  it('403 by a rule', async () => {
    await host.app.get(IpRuleService).block(BLOCKED);
    expect(await statusOf('/ok', BLOCKED, read)).toBe(403);
    expect(await rowsOf(host, BLOCKED, seen)).toMatchObject([{ status: 403, outcome: 'blocked' }]);
  });
});
