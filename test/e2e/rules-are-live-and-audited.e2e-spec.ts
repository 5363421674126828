import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AllowCountries,
  AllowIps,
  BlockCountries,
  IpRuleService,
  type BlockDetails,
  type BlockedRequest,
  type GeoProvider,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host, type HostOptions } from '../support/host-app.js';
import { createTestDatabase, createTestServer, type TestDatabase } from '../support/postgres.js';
import { damageRules } from '../support/state.js';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Get('german')
  @AllowCountries('DE', 'AT')
  german() {
    return 'hallo';
  }

  @Get('inside')
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'inside';
  }

  @Get('not-french')
  @BlockCountries('FR')
  notFrench() {
    return 'hello';
  }
}

const PLACES: Record<string, string> = {
  '198.51.0.1': 'DE',
  '198.51.0.2': 'FR',
  '198.51.0.3': 'US',
};
const places: GeoProvider = {
  name: 'test',
  lookup: (ip) => {
    const country = PLACES[ip.toString()];
    return country === undefined ? null : { country, city: null };
  },
};
const [GERMAN, FRENCH, AMERICAN, NOWHERE] = [
  '198.51.0.1',
  '198.51.0.2',
  '198.51.0.3',
  '198.51.0.4',
];

const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'made',
    (error: { code: string }) => error.code,
  );

describe.each(ADAPTERS)('the rules on %s', (adapter) => {
  let database: TestDatabase;
  let hosts: Host[];

  beforeEach(async () => {
    database = await createTestDatabase();
    hosts = [];
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.close()));
    await database.close();
  });

  const start = async (options: HostOptions['options'] = {}) => {
    const host = await startHost({
      adapter,
      database,
      controllers: [Routes],
      options: { geo: { provider: places }, ...options },
    });
    hosts.push(host);
    return host;
  };
  const statuses = async (host: Host, path: string) => {
    const seen: number[] = [];
    for (const from of [GERMAN, FRENCH, AMERICAN, NOWHERE]) {
      seen.push((await host.send({ path, from })).status);
    }
    return seen;
  };

  it('judge countries: an unknown one passes a block list and fails an allow list', async () => {
    const geo = { provider: places };
    expect(await statuses(await start({ geo, rules: { blockCountries: ['FR'] } }), '/')).toEqual([
      200, 403, 200, 200,
    ]);
    const closed = await start({ geo, rules: { allowCountries: ['DE'] } });
    expect(await statuses(closed, '/')).toEqual([200, 403, 403, 403]);
    await closed.app.get(IpRuleService).allow(NOWHERE);
    expect(await statuses(closed, '/')).toEqual([200, 403, 403, 200]);
  });

  it('judge countries on a route', async () => {
    const host = await start({ geo: { provider: places } });
    expect(await statuses(host, '/german')).toEqual([200, 403, 403, 403]);
    expect(await statuses(host, '/not-french')).toEqual([200, 403, 200, 200]);
  });

  it('note what a monitor rule would have matched, and do nothing else', async () => {
    const host = await start();
    const rule = await host.app.get(IpRuleService).monitor('203.0.113.0/24');
    expect((await host.send({ from: '203.0.113.7' })).status).toBe(200);
    expect((await host.rows(1))[0]).toMatchObject({ outcome: 'served', rule_id: rule.id });
  });

  it('take no part in what a route refuses: a monitor rule must not look as if it had', async () => {
    const host = await start();
    await host.app.get(IpRuleService).monitor('203.0.113.0/24');
    expect((await host.send({ path: '/inside', from: '203.0.113.7' })).status).toBe(403);
    expect((await host.rows(1))[0]).toMatchObject({
      outcome: 'blocked',
      reason: 'decorator',
      rule_id: null,
    });
  });

  it('answer as the host likes, and tell it of every refusal', async () => {
    const told: BlockedRequest[] = [];
    const host = await start({
      rules: {
        refusal: ({ url }) =>
          url.startsWith('/german')
            ? { status: 451 }
            : url.startsWith('/inside')
              ? { body: '<p>Staff only.</p>', headers: { 'X-Why': 'inside' } }
              : { status: 404, body: '<p>Nothing here.</p>', headers: { 'X-Why': 'ask us' } },
        onBlocked: (blocked) => {
          told.push(blocked);
          throw new Error('a bug of the host');
        },
      },
    });
    const rule = await host.app.get(IpRuleService).block('203.0.113.7');
    const page = await host.send({ path: '/anything', from: '203.0.113.7' });
    expect(page).toMatchObject({ status: 404, text: '<p>Nothing here.</p>' });
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-why': 'ask us',
    });
    const legal = await host.send({ path: '/german', from: NOWHERE });
    expect(legal.status).toBe(451);
    expect(legal.json()).toEqual({ statusCode: 451, message: 'Unavailable For Legal Reasons' });
    // The guard's refusal is the same page as the edge's would be.
    const inside = await host.send({ path: '/inside', from: NOWHERE });
    expect(inside).toMatchObject({ status: 403, text: '<p>Staff only.</p>' });
    expect(inside.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-why': 'inside',
    });
    expect(told.map(({ ipAddress, ruleId }) => [ipAddress, ruleId])).toEqual([
      ['203.0.113.7', rule.id],
      [NOWHERE, null],
      [NOWHERE, null],
    ]);
    const rows = await host.rows(3);
    expect(rows.map(({ outcome, status }) => [outcome, status])).toEqual([
      ['blocked', 404],
      ['blocked', 451],
      ['blocked', 403],
    ]);
  });

  it('are the same in every process, change by change', async () => {
    const [one, two] = [await start(), await start()];
    const rules = one.app.get(IpRuleService);
    for (let change = 1; change <= 20; change += 1) {
      await rules.block(`203.0.113.${change}`);
      await eventually(
        async () => (await two.send({ from: `203.0.113.${change}` })).status === 403,
        {
          what: 'the change',
        },
      );
    }
    await rules.unblock('203.0.113.7');
    await eventually(async () => (await two.send({ from: '203.0.113.7' })).status === 200, {
      what: 'the change',
    });
    expect((await two.send({ from: '203.0.113.8' })).status).toBe(403);
  });

  it('are all there where they are more than come at once, in one change or at the start', async () => {
    const running = await start();
    // 10.0.0.1 to 10.0.46.224: one change, and more than a process takes change by change.
    await database.query(
      `insert into ip_tracking.ip_rule (action, network, source)
       select 'block', ('10.0.0.0'::inet + number)::cidr, 'test' from generate_series(1, 12000) as number`,
    );
    const addresses = [1, 4_999, 5_000, 5_001, 5_002, 9_999, 10_000, 10_001, 12_000].map(
      (number) => `10.0.${number >> 8}.${number & 255}`,
    );
    const refused = async (host: Host) => {
      const found: string[] = [];
      for (const from of addresses) {
        if ((await host.send({ from })).status === 403) found.push(from);
      }
      return found;
    };
    await eventually(async () => (await refused(running)).length > 0, { what: 'the change' });
    expect(await refused(running)).toEqual(addresses);
    const started = await start();
    expect(await refused(started)).toEqual(addresses);
    expect((await started.send({ from: '10.0.46.225' })).status).toBe(200);
  });

  it('survive a TRUNCATE, of which nobody can tell the rows', async () => {
    const host = await start();
    await host.app.get(IpRuleService).block('203.0.113.1');
    expect((await host.send({ from: '203.0.113.1' })).status).toBe(403);
    await database.query('truncate ip_tracking.ip_rule');
    await eventually(async () => (await host.send({ from: '203.0.113.1' })).status === 200, {
      what: 'the change',
    });
  });

  it('survive a TRUNCATE with a change after it, seen in one', async () => {
    const host = await start();
    await host.app.get(IpRuleService).block('203.0.113.1');
    // One message to the server, and so one transaction.
    await database.query(
      `truncate ip_tracking.ip_rule;
       insert into ip_tracking.ip_rule (action, network, source) values ('block', '203.0.113.2', 'test')`,
    );
    await eventually(async () => (await host.send({ from: '203.0.113.2' })).status === 403, {
      what: 'the change',
    });
    expect((await host.send({ from: '203.0.113.1' })).status).toBe(200);
  });

  it('follow a change whose notification was lost, by polling', async () => {
    const host = await start({ rules: { pollIntervalMs: 100 } });
    await database.query(`alter table ip_tracking.ip_rule disable trigger user`);
    await database.query(
      `insert into ip_tracking.ip_rule (action, network) values ('block', '203.0.113.1')`,
    );
    await database.query(`alter table ip_tracking.ip_rule enable trigger user`);
    expect((await host.send({ from: '203.0.113.1' })).status).toBe(200);
    await database.query(`update ip_tracking.ip_rule_version set version = version + 5`);
    await eventually(async () => (await host.send({ from: '203.0.113.1' })).status === 403, {
      withinMs: 2_000,
    });
    expect((await host.send({ from: '203.0.113.1' })).status).toBe(403);
  });

  it('come back after the listening connection was cut', async () => {
    const host = await start({ rules: { pollIntervalMs: 60_000 } });
    const cut = await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like 'nestjs-ip-tracking listen%' and datname = current_database()`,
    );
    expect(cut).toHaveLength(1);
    await database.query(
      `insert into ip_tracking.ip_rule (action, network) values ('block', '203.0.113.1')`,
    );
    await eventually(async () => (await host.send({ from: '203.0.113.1' })).status === 403, {
      withinMs: 3_000,
    });
    expect((await host.send({ from: '203.0.113.1' })).status).toBe(403);
  });

  it('hold from disk when the app starts while the database is down', async () => {
    const server = await createTestServer();
    const stateDir = await mkdtemp(join(tmpdir(), 'ipt-state-'));
    const options: HostOptions['options'] = {
      geo: { provider: places },
      database: { url: server.url, connectTimeoutMs: 500, migrationsRun: true },
      rules: { startTimeoutMs: 4_000, pollIntervalMs: 100 },
      requestLog: { shutdownTimeoutMs: 100 },
      stateDir,
    };
    const first = await startHost({ adapter, controllers: [Routes], options });
    await first.app.get(IpRuleService).block('203.0.113.1');
    await first.app.get(IpRuleService).block('203.0.113.2');
    await first.app.get(IpRuleService).unblock('203.0.113.2');
    await first.close();
    await server.stop('fast');

    const second = await startHost({
      adapter,
      controllers: [Routes],
      options: { ...options, rules: { startTimeoutMs: 300, pollIntervalMs: 100 } },
    });
    expect((await second.send({ from: '203.0.113.1' })).status).toBe(403);
    expect((await second.send({ from: '203.0.113.2' })).status).toBe(200);
    await server.start();
    await eventually(
      () =>
        second.app
          .get(IpRuleService)
          .unblock('203.0.113.1')
          .then(
            () => true,
            () => false,
          ),
      { withinMs: 10_000 },
    );
    await eventually(async () => (await second.send({ from: '203.0.113.1' })).status === 200);
    await second.close();

    await server.stop('fast');
    damageRules(stateDir);
    const third = await startHost({
      adapter,
      controllers: [Routes],
      options: { ...options, rules: { startTimeoutMs: 300, mode: 'allowlist' } },
    });
    expect((await third.send({ from: '203.0.113.9' })).status).toBe(403);
    await third.close();
    await server.close();
    await rm(stateDir, { recursive: true });
  });

  it('cannot lock anybody out by accident, here or on another machine', async () => {
    const host = await start({
      clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1', '10.1.0.0/16'] },
    });
    const rules = host.app.get(IpRuleService);
    const refused = (network: string, details = {}) =>
      rules.block(network, details).then(
        () => 'made',
        (error: { code: string }) => error.code,
      );
    expect(await refused('0.0.0.0/0')).toBe('IPT_RULE_TOO_WIDE');
    expect(await refused('203.0.113.0/24', { caller: '203.0.113.9' })).toBe(
      'IPT_RULE_COVERS_CALLER',
    );
    expect(await refused('10.1.2.3')).toBe('IPT_RULE_COVERS_PROXY');
    expect(await refused('10.1.2.3', { isAutomatic: true })).toBe('IPT_RULE_PROTECTED');
    expect(await refused('127.0.0.1', { isAutomatic: true, force: true })).toBe(
      'IPT_RULE_PROTECTED',
    );
    await rules.allow('198.51.100.0/24');
    expect(await refused('198.51.100.7', { isAutomatic: true })).toBe('IPT_RULE_PROTECTED');
    expect(await refused('198.51.100.7')).toBe('made');
    expect(await refused('10.1.2.3', { force: true })).toBe('made');
    // What the app has announced holds for whoever makes a rule without knowing the app.
    const announced = await eventually(async () => {
      const rows = await database.query<{ network: string; kind: string }>(
        `select network::text, kind from ip_tracking.protected_network where kind = 'trusted proxy' order by 1`,
      );
      return rows.length === 2 && rows;
    });
    expect(announced.map(({ network }) => network)).toEqual(['10.1.0.0/16', '127.0.0.1/32']);
  });

  it('stay narrow where a program makes them, and never hit who has it made', async () => {
    const host = await start({ clientIp: { strategy: 'socket' } });
    const rules = host.app.get(IpRuleService);
    const made = (network: string, details: BlockDetails = {}) =>
      codeOf(rules.block(network, { isAutomatic: true, ...details }));
    expect(await made('192.0.0.0/2')).toBe('IPT_RULE_TOO_WIDE');
    expect(await made('198.51.0.0/23', { force: true })).toBe('IPT_RULE_TOO_WIDE');
    expect(await made('2001:db8::/47')).toBe('IPT_RULE_TOO_WIDE');
    expect(await made('198.51.100.0/24', { caller: '198.51.100.9', force: true })).toBe(
      'IPT_RULE_COVERS_CALLER',
    );
    expect(await made('::1')).toBe('IPT_RULE_PROTECTED');
    expect(await rules.list()).toEqual([]);
    expect(await made('198.51.100.0/24', { caller: '198.51.101.9' })).toBe('made');
    expect(await made('2001:db8::/48')).toBe('made');
    const wider = await start({ rules: { automaticBlocks: { widestIpv4: 16 } } });
    expect(
      await codeOf(wider.app.get(IpRuleService).block('203.0.0.0/16', { isAutomatic: true })),
    ).toBe('made');
  });

  it('are not made for a caller that cannot be read', async () => {
    const rules = (await start()).app.get(IpRuleService);
    for (const caller of [
      '203.0.113.7:5544',
      '[::ffff:1.2.3.4]:80',
      ' 203.0.113.7',
      '203.0.113.7, 10.0.0.1',
      'UNKNOWN',
      '',
    ]) {
      for (const details of [{}, { force: true }, { isAutomatic: true }]) {
        const attempt = rules.block('203.0.113.0/24', { ...details, caller });
        await expect(attempt).rejects.toMatchObject({
          code: 'IPT_INVALID_IP',
          message: expect.stringContaining(JSON.stringify(caller)),
        });
      }
    }
    expect(await rules.list()).toEqual([]);
    // A dual-stack server names an IPv4 client in this way.
    expect(await codeOf(rules.block('203.0.113.0/24', { caller: '::ffff:203.0.113.7' }))).toBe(
      'IPT_RULE_COVERS_CALLER',
    );
  });

  it('do not hit a proxy that nobody declared, unless forced', async () => {
    const host = await start({ clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] } });
    const rules = host.app.get(IpRuleService);
    // 127.0.0.1 is trusted and names a second proxy, which names a client: the proxy is taken for the client.
    expect((await host.send({ from: '8.8.8.8, 10.77.0.1' })).status).toBe(200);
    await eventually(
      async () => (await codeOf(rules.block('10.77.0.1'))) === 'IPT_RULE_COVERS_FORWARDER',
    );
    await expect(rules.block('10.77.0.0/16')).rejects.toThrow(
      'the client IP is probably not configured',
    );
    await rules.unblock('10.77.0.1').catch(() => undefined);
    expect(await codeOf(rules.block('10.77.0.1', { force: true }))).toBe('made');
    // Who has not forwarded for a day does so no more.
    await database.query(
      `insert into ip_tracking.protected_network (network, kind, announced_at)
       values ('10.78.0.1', 'forwarding peer', now() - interval '25 hours')`,
    );
    expect(await codeOf(rules.block('10.78.0.1'))).toBe('made');
    expect((await host.send({ from: '8.8.8.8, 10.77.0.2' })).status).toBe(200);
    const announced = async () => {
      const rows = await database.query<{ network: string }>(
        `select network::text from ip_tracking.protected_network where kind = 'forwarding peer' order by 1`,
      );
      return rows.map(({ network }) => network).join(' ');
    };
    await eventually(async () => (await announced()) === '10.77.0.1/32 10.77.0.2/32');
    expect(await announced()).toBe('10.77.0.1/32 10.77.0.2/32');
  });

  it('warn where one client has made much of the traffic, and are made', async () => {
    const host = await start();
    const rules = host.app.get(IpRuleService);
    const warnings: string[] = [];
    const onWarning = (warning: string) => {
      warnings.push(warning);
      throw new Error('a bug of the host');
    };
    await database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, sensitive)
       select gen_random_uuid(), now() - interval '1 minute' - (hours || ' hours')::interval, address, 'socket', 'GET', '/', 200, 'served', 1, false
         from (values (0, '203.0.113.7'::inet, 3), (0, '203.0.113.9', 2), (0, '198.51.100.1', 15), (2, '203.0.113.1', 500)) as asked (hours, address, requests),
              generate_series(1, requests)`,
    );
    await rules.block('203.0.113.9', { onWarning });
    await rules.block('203.0.113.1', { onWarning });
    await rules.block('203.0.113.7', { onWarning, isAutomatic: true });
    expect(warnings).toEqual([]);
    await rules.block('203.0.113.7', { onWarning });
    await rules.block('203.0.113.0/24', { onWarning, force: true });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^203\.0\.113\.7\/32 .* 15 % .*the client IP is probably not configured/,
      ),
      expect.stringMatching(/^203\.0\.113\.0\/24 .* 25 % /),
    ]);
    expect(await rules.list()).toHaveLength(4);
  });

  it('are explained, with every other rule that matches', async () => {
    const host = await start({ geo: { provider: places } });
    const rules = host.app.get(IpRuleService);
    const wide = await rules.block('198.51.0.0/16', { reason: 'wide' });
    const narrow = await rules.block(FRENCH, { reason: 'narrow' });
    const watch = await rules.monitor('198.0.0.0/8');
    const told = await rules.explain(`::ffff:${FRENCH}`, { path: '/ADMIN/x' });
    expect(told).toMatchObject({
      ipAddress: FRENCH,
      decision: { action: 'block', reason: 'rule', ruleId: narrow.id, monitorRuleId: watch.id },
      rule: { reason: 'narrow' },
      country: 'FR',
      isSensitivePath: true,
    });
    expect(told.otherRules.map(({ id }) => id)).toEqual([wide.id, watch.id]);
    expect(told.clientIp).toContain('127.0.0.1');
    await expect(rules.explain('1.2.3')).rejects.toMatchObject({ code: 'IPT_INVALID_IP' });
  });

  it('leave an audit that nobody can rewrite', async () => {
    const host = await start();
    const rules = host.app.get(IpRuleService);
    const rule = await rules.block('203.0.113.1', { reason: 'first', createdBy: 'alice' });
    await rules.block('203.0.113.1', { reason: 'second', createdBy: 'bob' });
    await rules.block('203.0.113.1', { reason: 'second', createdBy: 'bob' });
    await rules.unblock('203.0.113.1', { by: 'carol' });
    const events = await database.query(
      `select operation, rule_id, actor, old->>'reason' as old, new->>'reason' as new
         from ip_tracking.ip_rule_event order by id`,
    );
    expect(events).toEqual([
      { operation: 'insert', rule_id: rule.id, actor: 'alice', old: null, new: 'first' },
      { operation: 'update', rule_id: rule.id, actor: 'bob', old: 'first', new: 'second' },
      { operation: 'delete', rule_id: rule.id, actor: 'carol', old: 'second', new: null },
    ]);
    for (const sql of ['delete from', 'truncate', 'update']) {
      const statement = `${sql} ip_tracking.ip_rule_event${sql === 'update' ? " set actor = 'x'" : ''}`;
      await expect(database.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });
});
