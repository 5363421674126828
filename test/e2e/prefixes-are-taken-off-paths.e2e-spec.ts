import { Controller, Get, type INestApplication, VersioningType } from '@nestjs/common';
import { expect, describe, it, onTestFinished } from 'vitest';
import { IpRuleService } from '../../src/index.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';

@Controller()
class Routes {
  @Get('login')
  login() {
    return 'ok';
  }

  @Get('health')
  health() {
    return 'ok';
  }

  @Get('orders/admin')
  order() {
    return 'ok';
  }
}

@Controller({ path: 'admin', version: ['2', 'beta'] })
class AdminRoutes {
  @Get('users')
  users() {
    return 'ok';
  }
}

describe.each(ADAPTERS)('on %s', (adapter: Adapter) => {
  const start = async (configure: (app: INestApplication) => void): Promise<Host> => {
    const host = await startHost({
      adapter,
      controllers: [AdminRoutes, Routes],
      options: { requestLog: { skipPaths: ['/health'] } },
      configure,
    });
    onTestFinished(() => host.close());
    return host;
  };
  /** The paths that are sensitive, by the log and by what is explained, and those that left no row. */
  const judged = async (host: Host, paths: string[]) => {
    // Nothing tells that a row will not come, but for one that comes later.
    for (const path of [...paths, '/last']) await host.send({ path, from: '203.0.113.7' });
    const skipped = paths.filter((path) => path.endsWith('/health')).length;
    const rows = await host.rows(paths.length + 1 - skipped).catch(() => host.rows(1));
    const rules = host.app.get(IpRuleService);
    const explained: string[] = [];
    for (const path of paths) {
      if ((await rules.explain('203.0.113.7', { path })).isSensitivePath) explained.push(path);
    }
    const sensitive = rows.filter((row) => row.sensitive).map(({ path }) => path);
    expect(explained).toEqual(sensitive);
    const logged = new Set(rows.map(({ path }) => path));
    return { sensitive, skipped: paths.filter((path) => !logged.has(path)) };
  };

  it('a global prefix is taken off before a path is looked up, and need not be', async () => {
    const host = await start((app) => app.setGlobalPrefix('api', { exclude: ['health'] }));
    expect(
      await judged(host, [
        '/api/admin/users',
        '/api/login',
        '/API/%6cogin',
        '/login',
        '/api/orders/admin',
        '/apis/login',
        '/api/api/login',
        '/api',
        '/health',
      ]),
    ).toEqual({
      sensitive: ['/api/admin/users', '/api/login', '/API/%6cogin', '/login'],
      skipped: ['/health'],
    });
  });

  it('so is a version, with the prefix and without it', async () => {
    const host = await start((app) => {
      app.setGlobalPrefix('/our/api/');
      app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
    });
    expect(
      await judged(host, [
        '/our/api/v2/admin/users',
        '/our/api/v1/login',
        '/our/api/vbeta/admin/users',
        '/our/api/v9/admin',
        '/v1/login',
        '/our/v1/login',
        '/our/api/vault/login',
        '/our/api/v1/orders/admin',
        '/our/api/v1/health',
        '/health',
      ]),
    ).toEqual({
      sensitive: [
        '/our/api/v2/admin/users',
        '/our/api/v1/login',
        '/our/api/vbeta/admin/users',
        '/our/api/v9/admin',
        '/v1/login',
      ],
      // Below the prefix there is no route of that name, which is evidence, and keeps its row.
      skipped: ['/our/api/v1/health'],
    });
  });

  it('a version without a prefix of its own is one that a route has, or a number', async () => {
    const host = await start((app) =>
      app.enableVersioning({ type: VersioningType.URI, prefix: false, defaultVersion: ['1', '3'] }),
    );
    expect(
      await judged(host, [
        '/2/admin/users',
        '/beta/admin/users',
        '/3/login',
        '/2.1/login',
        '/orders/admin',
      ]),
    ).toEqual({
      sensitive: ['/2/admin/users', '/beta/admin/users', '/3/login', '/2.1/login'],
      skipped: [],
    });
  });

  it('versions that are not in the path are left alone', async () => {
    const host = await start((app) =>
      app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
    );
    expect(await judged(host, ['/v2/login', '/login'])).toEqual({
      sensitive: ['/login'],
      skipped: [],
    });
  });
});
