import { request } from 'node:http';
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import type { INestApplication, MiddlewareConsumer, NestModule } from '@nestjs/common';
import { VersioningType } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AllowIps, AllowlistOnly, BlockIps, IpRuleService, SkipIpRules } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Post('upload')
  upload(@Body() body: unknown) {
    return body;
  }

  @Get('only-inside')
  @AllowIps('10.0.0.0/8')
  onlyInside() {
    return 'inside';
  }

  @Get('not-for-tests')
  @BlockIps('198.51.100.0/25')
  notForTests() {
    return 'outside';
  }

  @Get('members')
  @AllowlistOnly()
  members() {
    return 'member';
  }
}

@Controller('open')
@SkipIpRules()
class OpenRoutes {
  @Get('health')
  health() {
    return 'ok';
  }

  @Get('items/:id')
  item(@Param('id') id: string) {
    return id;
  }
}

@Controller({ path: 'versioned', version: '2' })
class VersionedRoutes {
  @Get('open')
  @SkipIpRules()
  open() {
    return 'ok';
  }

  @Get('closed')
  closed() {
    return 'ok';
  }
}

@Module({})
class AnsweringMiddleware implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((_: unknown, response: { statusCode: number; end(body: string): void }) => {
        response.statusCode = 200;
        response.end('answered by a middleware');
      })
      .forRoutes('middleware');
  }
}

describe.each(ADAPTERS)('a blocked address on %s', (adapter) => {
  let host: Host;

  beforeAll(async () => {
    host = await startHost({
      adapter,
      controllers: [Routes, OpenRoutes, VersionedRoutes],
      imports: [AnsweringMiddleware],
      configure: (app: INestApplication) => {
        app.setGlobalPrefix('api', { exclude: ['/'] });
        app.enableVersioning({ type: VersioningType.URI });
      },
    });
    const rules = host.app.get(IpRuleService);
    await rules.block(BLOCKED, { reason: 'test' });
    await rules.block('2001:db8:bad::/48');
    await rules.allow('10.9.9.9');
  });
  afterAll(() => host.close());

  it.each([
    '/',
    '/api/only-inside',
    '/nowhere',
    '/api/nowhere',
    '/api/middleware',
    '/api/v2/versioned/closed',
    '/v2/versioned/open',
    '/open/health',
    '/api/open/health/more',
    '/api/open//health',
    '/%zz',
    '/api/open/items/%zz',
    '//',
    '/api/open/health%2f',
  ])('gets 403 for %s', async (path) => {
    const response = await host.send({ path, from: BLOCKED });
    expect(response.status).toBe(403);
    expect(response.json()).toEqual({ statusCode: 403, message: 'Forbidden' });
    expect(JSON.stringify(response.headers)).not.toMatch(/rule|test|reason/i);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE', 'PATCH'])(
    'gets 403 for %s',
    async (method) => {
      expect((await host.send({ method, path: '/api/nowhere', from: BLOCKED })).status).toBe(403);
    },
  );

  it('is known in every notation', async () => {
    for (const from of ['::ffff:203.0.113.7', '::ffff:cb00:7107', '[::ffff:203.0.113.7]:4711']) {
      expect((await host.send({ from })).status).toBe(403);
    }
    expect((await host.send({ from: '2001:db8:bad:1::1' })).status).toBe(403);
    expect((await host.send({ from: '2001:db8:bae::1' })).status).toBe(200);
  });

  it.each([
    '/api/open/health',
    '/api/open/health?deep=1',
    '/api/open/items/7',
    '/api/v2/versioned/open',
  ])('still reaches %s, which skips the rules', async (path) => {
    expect((await host.send({ path, from: BLOCKED })).status).toBe(200);
    const head = await host.send({ path, from: BLOCKED, method: 'HEAD' });
    expect(head.status).toBe(200);
  });

  it('cannot use another method of a path that skips the rules', async () => {
    const response = await host.send({ path: '/api/open/health', from: BLOCKED, method: 'POST' });
    expect(response.status).toBe(403);
  });

  it('is refused before its body is read, and its connection is closed', async () => {
    const { port } = new URL(host.url);
    const outcome = await new Promise<{ status: number; connection: string | undefined }>(
      (resolve, reject) => {
        const upload = request(
          {
            port,
            host: '127.0.0.1',
            path: '/api/upload',
            method: 'POST',
            headers: { 'x-forwarded-for': BLOCKED, 'content-length': '1000000' },
          },
          (response) => {
            response.resume();
            resolve({
              status: response.statusCode!,
              connection: response.headers.connection,
            });
            upload.destroy();
          },
        );
        upload.on('error', reject);
        // One byte of a million: whoever waits for the rest never answers.
        upload.write('x');
      },
    );
    expect(outcome).toEqual({ status: 403, connection: 'close' });
  });

  it('does not take others with it', async () => {
    expect((await host.send({ from: FREE })).status).toBe(200);
    expect((await host.send({ path: '/api/middleware', from: FREE })).text).toBe(
      'answered by a middleware',
    );
  });

  it('a route may narrow further, but lifts no block', async () => {
    const inside = (from: string) => host.send({ path: '/api/only-inside', from });
    expect((await inside('10.1.2.3')).status).toBe(200);
    expect((await inside(FREE)).status).toBe(403);
    await host.app.get(IpRuleService).block('10.6.6.6');
    expect((await inside('10.6.6.6')).status).toBe(403);
    expect((await host.send({ path: '/api/not-for-tests', from: FREE })).status).toBe(403);
    expect((await host.send({ path: '/api/not-for-tests', from: '198.51.100.200' })).status).toBe(
      200,
    );
    expect((await host.send({ path: '/api/members', from: FREE })).status).toBe(403);
    expect((await host.send({ path: '/api/members', from: '10.9.9.9' })).status).toBe(200);
  });

  it('is let in again by an allow rule, whatever the lengths', async () => {
    const rules = host.app.get(IpRuleService);
    await rules.block('192.0.2.77');
    expect((await host.send({ from: '192.0.2.77' })).status).toBe(403);
    await rules.allow('192.0.2.0/24');
    expect((await host.send({ from: '192.0.2.77' })).status).toBe(200);
    await rules.disallow('192.0.2.0/24');
    expect((await host.send({ from: '192.0.2.77' })).status).toBe(403);
  });

  it('is blocked within a second of a change by another process, and by plain SQL', async () => {
    const from = '192.0.2.99';
    await host.database.query(
      `insert into ip_tracking.ip_rule (action, network) values ('block', '192.0.2.99')`,
    );
    await eventually(async () => (await host.send({ from })).status === 403, { withinMs: 5_000 });
    await host.database.query(`delete from ip_tracking.ip_rule where network = '192.0.2.99'`);
    await eventually(async () => (await host.send({ from })).status === 200, { withinMs: 5_000 });
    expect((await host.send({ from })).status).toBe(200);
  });

  it('a rule with an expiry stops acting by itself', async () => {
    const rules = host.app.get(IpRuleService);
    await rules.block('192.0.2.55', { forMs: 150 });
    expect((await host.send({ from: '192.0.2.55' })).status).toBe(403);
    await eventually(async () => (await host.send({ from: '192.0.2.55' })).status === 200, {
      withinMs: 2_000,
    });
  });
});

describe.each(ADAPTERS)('allowlist mode on %s', (adapter) => {
  let host: Host;

  beforeAll(async () => {
    host = await startHost({
      adapter,
      controllers: [Routes, OpenRoutes],
      options: { rules: { mode: 'allowlist' } },
    });
    await host.app.get(IpRuleService).allow('198.51.100.0/24');
  });
  afterAll(() => host.close());

  it('lets in who is listed, and nobody else', async () => {
    expect((await host.send({ from: FREE })).status).toBe(200);
    expect((await host.send({ from: BLOCKED })).status).toBe(403);
    expect((await host.send({ path: '/nowhere', from: BLOCKED })).status).toBe(403);
    expect((await host.send({ path: '/open/health', from: BLOCKED })).status).toBe(200);
  });

  it('refuses a listed address that a rule of a route does not name', async () => {
    expect((await host.send({ path: '/only-inside', from: FREE })).status).toBe(403);
  });

  it('is closed while no rules could ever be read', async () => {
    const closed = await startHost({
      adapter,
      controllers: [Routes, OpenRoutes],
      options: {
        database: { url: 'postgres://127.0.0.1:1/none', connectTimeoutMs: 200 },
        rules: { mode: 'allowlist', startTimeoutMs: 300 },
        requestLog: { shutdownTimeoutMs: 100 },
      },
    });
    expect((await closed.send({ from: FREE })).status).toBe(403);
    expect((await closed.send({ path: '/open/health', from: FREE })).status).toBe(200);
    await closed.close();
  });
});
