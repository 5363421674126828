import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Controller, Get } from '@nestjs/common';
import { Client, type QueryResultRow } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DetectionService,
  IpRuleService,
  PrivacyService,
  RateLimitService,
  RequestLogService,
  Sensitive,
} from '../../src/index.js';
import { RequestLogUpkeep } from '../../src/request-log/table/upkeep.js';
import { runCli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { startHost, type Host } from '../support/host-app.js';
import { createTestServer, type TestServer } from '../support/postgres.js';

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

/** The SQL of docs/privileges.md, by the heading that it stands under. */
function sqlOf(heading: string): string {
  const page = readFileSync(new URL('../../docs/privileges.md', pathToFileURL(__filename)), 'utf8');
  const section = page.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  return section.match(/```sql\n([^]*?)```/)![1]!;
}

const DAY_MS = 86_400_000;

describe('the rights of docs/privileges.md', () => {
  let server: TestServer;
  let host: Host;
  const said: string[] = [];

  beforeAll(async () => {
    server = await createTestServer();
    await ask(server.url, 'create database shop');
    await ask(as('superuser'), sqlOf('The roles'));
    const migrated = await runCli(['migrate'], { IP_TRACKING_DATABASE_URL: as('shop_owner') });
    if (migrated.code !== 0) throw new Error(migrated.stderr);
    await ask(as('shop_owner'), sqlOf('What the app may do'));
    await ask(as('shop_owner'), sqlOf('What an operator may do'));
    host = await startHost({
      adapter: 'fastify',
      controllers: [Routes],
      database: {
        url: as('superuser'),
        name: 'shop',
        query: (sql) => ask(as('superuser'), sql),
        close: () => Promise.resolve(),
      },
      configure: (app) => {
        const say = (message: unknown) => void said.push(String(message));
        app.useLogger({ log: () => undefined, warn: say, error: say });
      },
      options: {
        database: { url: as('shop_app'), migrationsRun: true },
        detection: { cron: false },
        requestLog: { retentionDays: 7, rollupRetentionDays: 30 },
      },
    });
  });
  afterAll(async () => {
    await host.close();
    await server.close();
  });

  /** The database by one of the roles. */
  function as(role: string): string {
    const url = new URL(server.url);
    url.pathname = '/shop';
    if (role !== 'superuser') [url.username, url.password] = [role, 'change me'];
    return url.href;
  }
  const refusal = (role: string, sql: string) =>
    ask(as(role), sql).then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
  const scalar = async (sql: string) => Object.values((await ask(as('superuser'), sql))[0]!)[0];

  it('are enough to log, block, limit and detect', async () => {
    expect((await host.send({ from: '198.51.100.1' })).status).toBe(200);
    await host.app.get(IpRuleService).block('192.0.2.1');
    expect((await host.send({ from: '192.0.2.1' })).status).toBe(403);
    await host.app.get(IpRuleService).unblock('192.0.2.1');
    expect((await host.send({ from: '192.0.2.1' })).status).toBe(200);
    for (let time = 0; time < 6; time += 1)
      await host.send({ path: '/login', from: '198.51.100.2' });
    expect((await host.rows(9)).map(({ outcome }) => outcome)).toContain('throttled');
    expect(await host.app.get(RateLimitService).resetLimits('198.51.100.2')).toMatchObject({
      processes: 1,
    });
    const { findings } = await host.app.get(DetectionService).scan();
    expect(findings.map(({ ipAddress }) => ipAddress)).toContain('198.51.100.2');
    expect(await host.app.get(DetectionService).scanOnce()).not.toBeNull();
    expect(said).toEqual([]);
  });

  it('are enough to write rows that are there already, and that were adopted', async () => {
    const before = await scalar('select count(*)::int from ip_tracking.request_log');
    const sink = host.app.get(RequestLogService);
    await ask(as('shop_app'), 'begin; select ip_tracking.first_kept_day(); commit');
    await host.send({ from: '198.51.100.9' });
    await sink.flush(5_000);
    expect(await scalar('select count(*)::int from ip_tracking.request_log')).toBe(
      Number(before) + 1,
    );
    await ask(
      as('shop_app'),
      `begin;
       create temporary table again (like ip_tracking.request_log including defaults) on commit drop;
       insert into again select * from ip_tracking.request_log limit 1;
       insert into ip_tracking.request_log select * from again on conflict do nothing;
       commit`,
    );
    const [{ id, oid }] = (await ask(
      as('shop_app'),
      `select id, oid from ip_tracking.installation, pg_database where datname = 'shop'`,
    )) as [{ id: string; oid: string }];
    const guard = (installation: string) =>
      refusal('shop_app', `select ip_tracking.require_database('${installation}', ${oid})`);
    expect(await guard(id)).toBe('done');
    expect(await guard('00000000-0000-0000-0000-000000000000')).toBe('08004');
  });

  it('are enough to keep the log up: partitions, figures, retention', async () => {
    const day = (daysAgo: number) => new Date(Date.now() - daysAgo * DAY_MS).toISOString();
    await ask(
      as('superuser'),
      `insert into ip_tracking.request_log (id, ip_source, method, path, status, outcome, duration_us, sensitive, "timestamp", ingested_at)
       select gen_random_uuid(), 'socket', 'GET', '/', 200, 'served', 1, false, at, at
         from unnest(array['${day(40)}', '${day(20)}', '${day(3)}']::timestamptz[]) as at`,
    );
    await host.app.get(RequestLogUpkeep).run();
    await host.app.get(RequestLogUpkeep).run();
    expect(
      await scalar(
        `select count(*)::int from ip_tracking.request_log where "timestamp" < now() - interval '8 days'`,
      ),
    ).toBe(0);
    expect(
      await scalar(
        `select count(*)::int from pg_inherits where inhparent = 'ip_tracking.request_log'::regclass`,
      ),
    ).toBeGreaterThan(3);
    expect(await scalar('select count(*)::int from ip_tracking.request_log_default')).toBe(0);
    const prune = await runCli(['prune', '--days', '1'], {
      IP_TRACKING_DATABASE_URL: as('shop_operator'),
    });
    expect(prune).toMatchObject({ code: 0, stderr: '' });
    expect(said).toEqual([]);
  });

  it.each([
    ['block-ip', '203.0.113.5'],
    ['list-rules'],
    ['unblock-ip', '203.0.113.5'],
    ['allow-ip', '203.0.113.5'],
    ['disallow-ip', '203.0.113.5'],
    ['flag-suspicious'],
    ['suspicious'],
    ['reset-limits', '203.0.113.99'],
    ['export-ip', '203.0.113.99'],
    ['migrate'],
  ])('let an operator %s', async (...command) => {
    const { code, stderr } = await runCli(command, {
      IP_TRACKING_DATABASE_URL: as('shop_operator'),
      SSH_CONNECTION: '192.0.2.200 50122 10.0.0.1 22',
    });
    expect([code, stderr]).toEqual([0, '']);
  });

  it('let an operator erase an address, and the app not', async () => {
    await host.send({ path: '/login', from: '203.0.113.99' });
    await host.app.get(RequestLogService).flush(5_000);
    await host.app.get(DetectionService).scan();
    const erased = await runCli(['erase-ip', '203.0.113.99'], {
      IP_TRACKING_DATABASE_URL: as('shop_operator'),
    });
    expect([erased.code, erased.stdout]).toEqual([
      0,
      'erased 203.0.113.99: 1 request, 1 finding\n',
    ]);
    await expect(host.app.get(PrivacyService).eraseAddress('203.0.113.98')).rejects.toMatchObject({
      code: 'IPT_DATABASE_FORBIDDEN',
    });
  });

  it.each([
    ['make a table', 'create table ip_tracking.mine ()'],
    ['delete rows of the log', 'delete from ip_tracking.request_log'],
    ['change rows of the log', `update ip_tracking.request_log set path = '/'`],
    ['drop a day', 'drop table ip_tracking.request_log_default'],
    ['rewrite the audit', `update ip_tracking.ip_rule_event set actor = 'nobody'`],
    [
      'forge the audit',
      `insert into ip_tracking.ip_rule_event (version, operation, rule_id, actor) values (9, 'insert', 9, 'nobody')`,
    ],
    ['turn the counter of changes back', 'update ip_tracking.ip_rule_version set version = 0'],
    ['become another database', 'update ip_tracking.installation set id = gen_random_uuid()'],
    ['shorten what is kept', `update ip_tracking.owner_setting set days = 1`],
    [
      'drop what the owner keeps',
      `select ip_tracking.drop_partition((now() at time zone 'UTC')::date, false)`,
    ],
    ['erase an address', `select ip_tracking.erase_requests(current_date, '{192.0.2.1}')`],
    ['note an erasure', `insert into ip_tracking.erased_address values ('192.0.2.1', now())`],
  ])('let the app not %s', async (_, sql) => {
    expect(await refusal('shop_app', sql)).toBe('42501');
  });

  it('let nobody else do anything, the functions included', async () => {
    await ask(
      as('superuser'),
      `create role stranger login password 'change me'; grant connect on database shop to stranger; grant usage on schema ip_tracking to stranger`,
    );
    const functions = await ask<{ call: string }>(
      as('superuser'),
      `select format('select ip_tracking.%I(%s)', proname,
                     (select string_agg(format('null::%s', format_type(type, null)), ', ') from unnest(proargtypes) as type)) as call
         from pg_proc where pronamespace = 'ip_tracking'::regnamespace and prorettype <> 'trigger'::regtype`,
    );
    expect(functions.length).toBeGreaterThan(6);
    for (const { call } of functions)
      expect([call, await refusal('stranger', call)]).toEqual([call, '42501']);
    expect(await refusal('stranger', 'select from ip_tracking.request_log')).toBe('42501');
  });

  it('keep what the owner keeps, whatever the app is told', async () => {
    await ask(as('shop_owner'), sqlOf('How long the log is kept at least'));
    await ask(
      as('superuser'),
      `insert into ip_tracking.request_log (id, ip_source, method, path, status, outcome, duration_us, sensitive, "timestamp", ingested_at)
       values (gen_random_uuid(), 'socket', 'GET', '/kept', 200, 'served', 1, false, now() - interval '10 days', now() - interval '10 days')`,
    );
    await host.app.get(RequestLogUpkeep).run();
    await eventually(async () => {
      const kept = await scalar(
        `select count(*)::int from ip_tracking.request_log where path = '/kept'`,
      );
      return kept === 1;
    });
    const prune = await runCli(['prune', '--days', '1'], {
      IP_TRACKING_DATABASE_URL: as('shop_operator'),
    });
    expect(prune.code).toBe(0);
    expect(
      await scalar(`select count(*)::int from ip_tracking.request_log where path = '/kept'`),
    ).toBe(1);
  });
});

async function ask<Row extends QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
