import { Controller, Get } from '@nestjs/common';
import { Client } from 'pg';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { RequestLogService } from '../../src/index.js';
import { blackHoleProxy } from '../support/black-hole-proxy.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

@Controller()
class Routes {
  @Get()
  home() {
    return 'ok';
  }
}

// Far below the defaults, which the conditions below would not wait for.
const TIMEOUTS = { writeTimeoutMs: 200, answerTimeoutMs: 700 };

describe.each(ADAPTERS)('a write of the log that takes longer than it may, on %s', (adapter) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
    onTestFinished(() => database.close());
  });

  it('is given up by PostgreSQL, and tried again', async () => {
    const host = await startHost({
      adapter,
      controllers: [Routes],
      database,
      options: { requestLog: { tuning: TIMEOUTS }, stateDir: false },
    });
    onTestFinished(() => host.close());
    const holder = new Client({ connectionString: database.url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('begin; lock table ip_tracking.request_log in access exclusive mode');
    expect((await host.send('/')).status).toBe(200);
    await eventually(() => host.app.get(RequestLogService).stats.retried > 1, { withinMs: 20_000 });
    await holder.query('commit');
    expect(await host.rows(1)).toMatchObject([{ status: 200, outcome: 'served' }]);
  });

  it('is given up by the app where nobody answers, with its connection', async () => {
    const url = new URL(database.url);
    const proxy = await blackHoleProxy(Number(url.port));
    onTestFinished(() => proxy.stop());
    url.port = String(proxy.port);
    const host = await startHost({
      adapter,
      controllers: [Routes],
      database,
      options: {
        // What others have asked when the network was cut must not hold their places in the pool for long.
        database: { url: url.href, statementTimeoutMs: 1_000, connectTimeoutMs: 1_000 },
        requestLog: { tuning: TIMEOUTS },
        stateDir: false,
      },
    });
    onTestFinished(() => host.close());
    await host.send('/');
    await host.rows(1);
    proxy.isSwallowing = true;
    expect((await host.send('/')).status).toBe(200);
    await eventually(() => host.app.get(RequestLogService).stats.isFailing, { withinMs: 20_000 });
    proxy.isSwallowing = false;
    await eventually(() => host.app.get(RequestLogService).stats.written === 2, {
      withinMs: 20_000,
    });
    expect(await host.rows(2)).toHaveLength(2);
  });
});
