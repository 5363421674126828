import { connect } from 'node:net';
import { Readable } from 'node:stream';
import {
  Body,
  type CanActivate,
  Controller,
  ForbiddenException,
  Get,
  HttpCode,
  Injectable,
  InternalServerErrorException,
  NotFoundException,
  Param,
  Post,
  Req,
  Sse,
  StreamableFile,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { of } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpRuleService, Sensitive, SkipRequestLog } from '../../src/index.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import type { TestRequest } from '../support/http.js';

@Injectable()
class RefusesWith401 implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException();
  }
}

@Injectable()
class RefusesWith403 implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException();
  }
}

@Controller()
class Routes {
  @Get('ok')
  ok() {
    return { ok: true };
  }

  @Get('items/:id')
  item(@Param('id') id: string) {
    return { id };
  }

  @Post('echo')
  echo(@Body() body: unknown) {
    return body;
  }

  @Get('empty')
  @HttpCode(204)
  empty() {
    return undefined;
  }

  @Get('missing')
  missing() {
    throw new NotFoundException('this item is gone');
  }

  @Get('throws')
  throws() {
    throw new InternalServerErrorException();
  }

  @Get('rejects')
  async rejects() {
    await Promise.reject(new Error('a bug of the host'));
  }

  @Get('needs-login')
  @UseGuards(RefusesWith401)
  needsLogin() {
    return 'never';
  }

  @Get('needs-role')
  @UseGuards(RefusesWith403)
  needsRole() {
    return 'never';
  }

  @Get('stream')
  stream() {
    return new StreamableFile(Readable.from(['a', 'b', 'c']));
  }

  @Sse('events')
  events() {
    return of({ data: 'one' }, { data: 'two' });
  }

  @Get('broken')
  broken(@Req() request: { raw?: { socket: unknown }; res?: unknown; socket: unknown }) {
    const socket = (request.raw ?? request).socket as { destroy(): void };
    const source = new Readable({
      read() {
        this.push('the first part');
        setTimeout(() => socket.destroy(), 20);
      },
    });
    return new StreamableFile(source);
  }

  @Get('slow')
  async slow() {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return 'too late';
  }

  @Get('unlogged')
  @SkipRequestLog()
  unlogged() {
    return 'no row';
  }

  @Get('guarded')
  @Sensitive()
  guarded() {
    return 'sensitive';
  }
}

const CASES: [what: string, request: TestRequest, expected: Record<string, unknown>][] = [
  ['200', { path: '/ok' }, { status: 200, outcome: 'served', route: '/ok' }],
  ['a parameter', { path: '/items/7' }, { status: 200, outcome: 'served', route: '/items/:id' }],
  ['a body', { path: '/echo', body: { a: 1 } }, { status: 201, outcome: 'served', method: 'POST' }],
  ['204', { path: '/empty' }, { status: 204, outcome: 'served' }],
  ['HEAD', { path: '/ok', method: 'HEAD' }, { status: 200, outcome: 'served', method: 'HEAD' }],
  ["a handler's own 404", { path: '/missing' }, { status: 404, outcome: 'served' }],
  ['no route', { path: '/nowhere' }, { status: 404, outcome: 'unmatched', route: null }],
  [
    'no such method',
    { path: '/ok', method: 'DELETE' },
    { status: 404, outcome: 'unmatched', route: null },
  ],
  ['malformed JSON', { path: '/echo', body: '{' }, { status: 400, outcome: 'served' }],
  ['a thrown 500', { path: '/throws' }, { status: 500, outcome: 'failed' }],
  ['a rejected promise', { path: '/rejects' }, { status: 500, outcome: 'failed' }],
  ["the host's guard, 401", { path: '/needs-login' }, { status: 401, outcome: 'refused' }],
  ["the host's guard, 403", { path: '/needs-role' }, { status: 403, outcome: 'refused' }],
  ['a stream', { path: '/stream' }, { status: 200, outcome: 'served' }],
  ['server-sent events', { path: '/events' }, { status: 200, outcome: 'served' }],
  ['a query string', { path: '/ok?token=secret' }, { status: 200, path: '/ok' }],
  ['a sensitive route', { path: '/guarded' }, { status: 200, sensitive: true }],
  ['a sensitive path', { path: '/login/' }, { status: 404, sensitive: true }],
  ['a path that only begins like one', { path: '/administrator/' }, { sensitive: false }],
  ['a disguised sensitive path', { path: '//%61DMIN/x' }, { sensitive: true }],
  [
    'an absolute target',
    { path: 'http://elsewhere.example/admin?x=1' },
    { path: '/admin', sensitive: true },
  ],
  ['a fragment', { path: '/ok#/admin' }, { path: '/ok', sensitive: false }],
  ['a malformed escape', { path: '/%zz' }, {}],
  [
    'hostile bytes',
    { path: '/ok?%ff%00', headers: { 'user-agent': 'caf\u00e9\t\u00ff' } },
    { path: '/ok' },
  ],
];

describe.each(ADAPTERS)('every request leaves one row on %s', (adapter) => {
  let host: Host;
  let seen = 0;

  beforeAll(async () => {
    host = await startHost({ adapter, controllers: [Routes] });
  });
  afterAll(() => host.close());

  it.each(CASES)('%s', async (_, request, expected) => {
    const response = await host.send({ from: `198.51.100.${(seen % 250) + 1}`, ...request });
    seen += 1;
    const rows = await host.rows(seen);
    expect(rows).toHaveLength(seen);
    const row = rows.find(({ ip_address }) => ip_address === `198.51.100.${seen}`)!;
    expect(row).toMatchObject(expected);
    expect(row.status).toBe(response.status);
    expect(row.ip_source).toBe('x-forwarded-for');
    expect(Number(row.duration_us)).toBeGreaterThan(0);
    expect(Math.abs(Date.now() - row.timestamp.getTime())).toBeLessThan(60_000);
  });

  it('a route that asks to be left out leaves none', async () => {
    await host.send({ path: '/unlogged' });
    expect((await host.send({ path: '/ok', from: '198.51.100.251' })).status).toBe(200);
    seen += 1;
    expect((await host.rows(seen)).filter(({ path }) => path === '/unlogged')).toEqual([]);
  });

  it('a client that leaves before the answer is aborted', async () => {
    const socket = connect(Number(new URL(host.url).port), '127.0.0.1');
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.252\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    seen += 1;
    const row = (await host.rows(seen)).find(({ path }) => path === '/slow');
    expect(row).toMatchObject({ outcome: 'aborted', ip_address: '198.51.100.252' });
  });

  it('an answer that breaks off on our side has failed', async () => {
    await host.send({ path: '/broken', from: '198.51.100.253' }).catch(() => undefined);
    seen += 1;
    const row = (await host.rows(seen)).find(({ path }) => path === '/broken');
    expect(row).toMatchObject({ outcome: 'failed', status: 200 });
  });

  it('a blocked address is logged with the rule that refused it', async () => {
    const rule = await host.app.get(IpRuleService).block('198.51.100.254');
    await host.send({ path: '/ok', from: '198.51.100.254' });
    await host.app.get(IpRuleService).unblock('198.51.100.254');
    seen += 1;
    const row = (await host.rows(seen)).find(({ outcome }) => outcome === 'blocked');
    expect(row).toMatchObject({ status: 403, rule_id: rule.id, ip_address: '198.51.100.254' });
  });

  it('a throttled request is logged as such', async () => {
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await host.send({ path: '/guarded', from: '203.0.113.77' });
    }
    seen += 6;
    const rows = (await host.rows(seen)).filter(({ ip_address }) => ip_address === '203.0.113.77');
    expect(rows.map(({ outcome }) => outcome).sort()).toEqual([
      ...Array<string>(5).fill('served'),
      'throttled',
    ]);
  });

  it('what is queued when the app closes is written', async () => {
    const database = host.database;
    const other = await startHost({
      adapter,
      controllers: [Routes],
      database,
      options: { requestLog: { tuning: { flushIntervalMs: 60_000 } } },
    });
    for (let count = 0; count < 25; count += 1) {
      await other.send({ path: '/ok', from: '192.0.2.9' });
    }
    // Whoever closes it twice, at once or later, waits for the same.
    await Promise.all([other.close(), other.close()]);
    await other.close();
    const [row] = await database.query<{ count: string }>(
      `select count(*) from ip_tracking.request_log where ip_address = '192.0.2.9'`,
    );
    expect(row?.count).toBe('25');
  });
});
