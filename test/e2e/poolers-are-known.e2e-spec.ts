import { Controller, Get } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  IP_TRACKING_ENTITIES,
  IpRuleService,
  IpTrackingStatus,
  RateLimitService,
  Sensitive,
  migrateDatabase,
  type IpTrackingOptions,
} from '../../src/index.js';
import { RequestLogUpkeep } from '../../src/request-log/table/upkeep.js';
import { runCli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';
import { startPgBouncer, whyNoPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Get('login')
  @Sensitive()
  login() {
    return 'welcome';
  }
}

const IGNORING = 'ignore_startup_parameters = statement_timeout,extra_float_digits';

if (whyNoPgBouncer !== null) console.warn(`PgBouncer is not tested: ${whyNoPgBouncer}`);

describe.skipIf(whyNoPgBouncer !== null)('through PgBouncer', () => {
  let database: TestDatabase;
  let bouncer: PgBouncer;
  let said: string[];
  const hosts: Host[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    said = [];
  });
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close();
    await bouncer.stop();
    await database.close();
  });

  async function start(
    given: IpTrackingOptions['database'],
    adapter: Adapter = 'fastify',
    rules: IpTrackingOptions['rules'] = {},
  ): Promise<Host> {
    const host = await startHost({
      adapter,
      controllers: [Routes],
      database,
      configure: (app) => {
        const say = (message: unknown) => void said.push(String(message));
        app.useLogger({ log: () => undefined, warn: say, error: say });
      },
      options: { database: given, rules: { pollIntervalMs: 60_000, ...rules } },
    });
    hosts.push(host);
    return host;
  }

  it.each(ADAPTERS)('in transaction mode all works with directUrl, on %s', async (adapter) => {
    bouncer = await startPgBouncer(database.url, 'transaction');
    const given = { url: bouncer.url, directUrl: database.url, migrationsRun: true };
    const [one, other] = [await start(given, adapter), await start(given, adapter)];
    await one.app.get(IpRuleService).block('192.0.2.1');
    // Told, since nobody polls for a minute.
    await eventually(async () => (await other.send({ from: '192.0.2.1' })).status === 403, {
      withinMs: 5_000,
    });
    for (let time = 0; time < 6; time += 1) await one.send({ path: '/login', from: '192.0.2.2' });
    expect((await one.send({ path: '/login', from: '192.0.2.2' })).status).toBe(429);
    await other.app.get(RateLimitService).resetLimits('192.0.2.2');
    await eventually(
      async () => (await one.send({ path: '/login', from: '192.0.2.2' })).status === 200,
    );
    await one.app.get(RequestLogUpkeep).run();
    await eventually(async () => {
      const rows = await database.query(`select from ip_tracking.request_log`);
      return rows.length >= 9;
    });
    await eventually(() => one.app.get(IpTrackingStatus).read().notifications === 'listening');
    expect(said).toEqual([]);
  });

  it('a host’s own DataSource can have a directUrl as well', async () => {
    bouncer = await startPgBouncer(database.url, 'transaction');
    const dataSource = new DataSource({
      type: 'postgres',
      url: bouncer.url,
      entities: IP_TRACKING_ENTITIES,
    });
    const host = await start({ dataSource, directUrl: database.url });
    await host.app.get(IpRuleService).block('192.0.2.1');
    expect((await host.send({ from: '192.0.2.1' })).status).toBe(403);
    expect(said).toEqual([]);
    await host.close();
    hosts.pop();
    await dataSource.destroy();
  });

  it('without directUrl it says what to do', async () => {
    bouncer = await startPgBouncer(database.url, 'transaction');
    await start({ url: bouncer.url }, 'fastify', { startTimeoutMs: 2_000 });
    expect(said.join('\n')).toMatch(
      /the rules cannot be read, .*a pooler such as PgBouncer answers there and refuses our settings: give the URL of PostgreSQL itself in database\.directUrl/,
    );
    const listed = await runCli(['list-rules'], { IP_TRACKING_DATABASE_URL: bouncer.url });
    expect(listed.code).toBe(1);
    expect(listed.stderr).toMatch(/a pooler such as PgBouncer answers there/);
  });

  it('one that swallows our settings, and notifications, is found out', async () => {
    bouncer = await startPgBouncer(database.url, 'transaction', IGNORING);
    const host = await start({ url: bouncer.url }, 'fastify', { pollIntervalMs: 200 });
    await eventually(() => said.length > 0, { withinMs: 20_000 });
    expect(said).toEqual([
      expect.stringMatching(/^notifications of PostgreSQL do not arrive, .*database\.directUrl$/),
    ]);
    expect(host.app.get(IpTrackingStatus).read().notifications).toBe('polling');
    await database.query(
      `insert into ip_tracking.ip_rule (action, network) values ('block', '192.0.2.1')`,
    );
    await eventually(async () => (await host.send({ from: '192.0.2.1' })).status === 403);
  });

  it('in session mode all works without', async () => {
    bouncer = await startPgBouncer(database.url, 'session', IGNORING);
    const [one, other] = [await start({ url: bouncer.url }), await start({ url: bouncer.url })];
    await one.app.get(IpRuleService).block('192.0.2.1');
    await eventually(async () => (await other.send({ from: '192.0.2.1' })).status === 403, {
      withinMs: 5_000,
    });
    expect(said).toEqual([]);
  });

  it('migrations pass it by, or are refused', async () => {
    const empty = await createTestDatabase({ migrated: false });
    bouncer = await startPgBouncer(empty.url, 'transaction', IGNORING);
    try {
      await expect(migrateDatabase({ url: bouncer.url })).rejects.toMatchObject({
        code: 'IPT_POOLED_SESSION',
      });
      expect(await empty.query(`select to_regnamespace('ip_tracking') as schema`)).toEqual([
        { schema: null },
      ]);
      const migrated = await runCli(['migrate'], {
        IP_TRACKING_DATABASE_URL: bouncer.url,
        IP_TRACKING_DIRECT_URL: empty.url,
      });
      expect([migrated.code, migrated.stderr]).toEqual([0, '']);
    } finally {
      await empty.close();
    }
  });
});
