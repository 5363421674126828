import { join } from 'node:path';
import { Controller, Get } from '@nestjs/common';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  IP_TRACKING_ENTITIES,
  IpRuleService,
  RequestLogService,
  migrateDatabase,
  type IpTrackingOptions,
} from '../../src/index.js';
import { runCli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';
import { keptPort } from '../support/kept-port.js';
import {
  createTestDatabase,
  createTestServer,
  type TestDatabase,
  type TestServer,
} from '../support/postgres.js';
import { switchProxy, type SwitchProxy } from '../support/switch-proxy.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

const BLOCKED = '192.0.2.1';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }
}

type Database = IpTrackingOptions['database'];

/** The forms in which a host says where its database is. */
const FORMS: Record<string, (url: URL) => Database> = {
  'a url of the module’s own': (url) => ({ url: url.href }),
  'a DataSource built from a url': (url) => ({
    dataSource: new DataSource({
      type: 'postgres',
      url: url.href,
      entities: IP_TRACKING_ENTITIES,
    }),
  }),
  'a DataSource built from host and port': (url) => ({
    dataSource: new DataSource({
      type: 'postgres',
      host: url.hostname,
      port: Number(url.port),
      username: url.username,
      password: url.password,
      database: url.pathname.slice(1),
      entities: IP_TRACKING_ENTITIES,
    }),
  }),
};

let folder: TemporaryFolder;
let stateDir: string;
let port: number;
let proxy: SwitchProxy;
const hosts: Host[] = [];

beforeEach(async () => {
  folder = temporaryFolder('identity');
  stateDir = join(folder.path, 'state');
  port = await keptPort();
  proxy = await switchProxy(port);
});
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
  await proxy.stop();
  await folder.remove();
});

const serverPort = () => Number(new URL(inject('postgresUrl')).port);

/** The same server and database by another address. */
function by(url: string, hostPort: number): URL {
  const address = new URL(url);
  address.hostname = '127.0.0.1';
  address.port = String(hostPort);
  return address;
}

async function start(
  database: Database,
  { adapter = 'fastify', said }: { adapter?: Adapter; said?: string[] } = {},
): Promise<Host> {
  const host = await startHost({
    adapter,
    controllers: [Routes],
    // Closed by itself: it must outlive the app.
    database: {
      url: '',
      name: '',
      query: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    },
    configure: (app) => {
      if (said === undefined) return;
      const say = (message: unknown) => void said.push(String(message));
      app.useLogger({ log: say, warn: say, error: say });
    },
    options: {
      database,
      stateDir,
      rules: { startTimeoutMs: 700, pollIntervalMs: 200 },
      requestLog: {
        shutdownTimeoutMs: 50,
        spool: { writeIntervalMs: 5, syncIntervalMs: 50, adoptAfterMs: 300 },
        tuning: { flushIntervalMs: 20 },
      },
    },
  });
  hosts.push(host);
  return host;
}

async function stop(host: Host): Promise<void> {
  hosts.splice(hosts.indexOf(host), 1);
  await host.close();
}

/** Requests whose records stay in the spool, since the address leads nowhere. */
async function leave(host: Host, ...paths: string[]): Promise<void> {
  proxy.lead(null);
  for (const path of paths) await host.send({ path, from: '198.51.100.1' });
  await stop(host);
}

async function paths(url: string): Promise<string[]> {
  const rows = await ask<{ path: string }>(url, `select path from ip_tracking.request_log`);
  return rows.map(({ path }) => path).toSorted();
}

async function ask<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Long enough for several rounds of adoption. */
const rounds = () => new Promise((resolve) => setTimeout(resolve, 600));

/** What an app has written of its own, so that it has been asked for what there was to adopt. */
async function served(host: Host, url: string, path: string): Promise<void> {
  await host.send({ path, from: '198.51.100.2' });
  await eventually(async () => (await paths(url)).includes(path), { withinMs: 15_000, what: path });
  await rounds();
}

describe.each(Object.entries(FORMS))('two databases on one server, given as %s', (_, form) => {
  let one: TestDatabase;
  let other: TestDatabase;

  beforeEach(async () => {
    [one, other] = [await createTestDatabase(), await createTestDatabase()];
    proxy.lead(serverPort());
  });
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close();
    await Promise.all([one.close(), other.close()]);
  });

  it.each(ADAPTERS)('do not act on each other’s rules on %s', async (adapter) => {
    const first = await start(form(by(one.url, port)), { adapter });
    await first.app.get(IpRuleService).block(BLOCKED);
    await stop(first);
    proxy.lead(null);

    const again = await start(form(by(one.url, port)), { adapter });
    const stranger = await start(form(by(other.url, port)), { adapter });
    expect((await again.send({ from: BLOCKED })).status).toBe(403);
    expect((await stranger.send({ from: BLOCKED })).status).toBe(200);
  });

  it('do not get each other’s records', async () => {
    const first = await start(form(by(one.url, port)));
    await leave(first, '/one/1', '/one/2');
    proxy.lead(serverPort());
    await served(await start(form(by(other.url, port))), other.url, '/other');
    expect(await paths(other.url)).toEqual(['/other']);
    expect(await paths(one.url)).toEqual([]);

    await start(form(by(one.url, port)));
    await eventually(async () => (await paths(one.url)).length === 2, { withinMs: 15_000 });
    expect(await paths(one.url)).toEqual(['/one/1', '/one/2']);
    expect(await paths(other.url)).toEqual(['/other']);
  });
});

describe('one database', () => {
  let one: TestDatabase;

  beforeEach(async () => {
    one = await createTestDatabase();
    proxy.lead(serverPort());
  });
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close();
    await one.close();
  });

  it('has one state by whichever address it is reached, a socket’s included', async () => {
    const socket = await switchProxy(join(folder.path, '.s.PGSQL.5432'));
    const { username, password, pathname } = new URL(one.url);
    try {
      const first = await start({ url: by(one.url, port).href });
      await leave(first, '/by/port');
      socket.lead(serverPort());
      const url = `postgres://${username}:${password}@${pathname}?host=${encodeURIComponent(folder.path)}`;
      const second = await start({ url });
      await eventually(async () => (await paths(one.url)).length === 1, { withinMs: 15_000 });
      await stop(second);
    } finally {
      await socket.stop();
    }
  });

  it('gets what was spooled before anybody had ever reached it', async () => {
    proxy.lead(null);
    const first = await start({ url: by(one.url, port).href });
    await leave(first, '/first');
    proxy.lead(serverPort());
    await start({ url: by(one.url, port).href });
    await eventually(async () => (await paths(one.url)).length === 1, { withinMs: 15_000 });
  });

  it('and a copy of it share nothing until an operator says so', async () => {
    const first = await start({ url: by(one.url, port).href });
    await leave(first, '/one/1', '/one/2');
    const copy = `${one.name}_copy`;
    // Nobody may be connected to a template.
    await ask(
      inject('postgresUrl'),
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${one.name}'`,
    );
    await ask(inject('postgresUrl'), `create database ${copy} template ${one.name}`);
    const copyUrl = new URL(one.url);
    copyUrl.pathname = `/${copy}`;
    try {
      const said: string[] = [];
      const host = await start({ url: copyUrl.href }, { said });
      await served(host, copyUrl.href, '/copy');
      expect(await paths(copyUrl.href)).toEqual(['/copy']);
      const told = said.filter((line) => line.includes('adopt-state'));
      expect(told).toHaveLength(1);
      const name = /adopt-state (db-[0-9a-f]{16})/.exec(told[0]!)![1]!;

      const environment = {
        IP_TRACKING_DATABASE_URL: copyUrl.href,
        IP_TRACKING_STATE_DIR: stateDir,
      };
      const list = await runCli(['adopt-state'], environment);
      expect(list.stdout).toMatch(new RegExp(`^${name} +yes +[1-9]\\d* +1 +0$`, 'm'));
      const adopted = await runCli(['adopt-state', name], environment);
      expect([adopted.code, adopted.stdout]).toEqual([
        0,
        expect.stringMatching(/^adopted \d+ bytes of records from db-/),
      ]);
      await eventually(async () => (await paths(copyUrl.href)).length === 3, { withinMs: 15_000 });
      expect(await paths(one.url)).toEqual([]);
      const unknown = await runCli(['adopt-state', 'db-none'], environment);
      expect([unknown.code, unknown.stderr]).toEqual([
        2,
        expect.stringMatching(/there is no state "db-none" of another database/),
      ]);
    } finally {
      for (const host of hosts.splice(0)) await host.close();
      await ask(inject('postgresUrl'), `drop database ${copy} with (force)`);
    }
  });
});

describe('two servers', () => {
  let one: TestServer;
  let other: TestServer;
  /** What leads to the one or the other. */
  let shared: URL;

  beforeEach(async () => {
    [one, other] = await Promise.all([createTestServer(), createTestServer()]);
    await Promise.all([one, other].map(({ url }) => migrateDatabase({ url })));
    // Who stands in for another takes the same password.
    for (const { url } of [one, other]) {
      await ask(url, `create role stand_in superuser login password 'the same'`);
    }
    shared = new URL(by(one.url, port));
    shared.username = 'stand_in';
    shared.password = 'the same';
  });
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close();
    await Promise.all([one.close(), other.close()]);
  });

  it.each(Object.entries(FORMS))('on two ports, given as %s, share nothing', async (_, form) => {
    const first = await start(form(new URL(one.url)));
    await first.app.get(IpRuleService).block(BLOCKED);
    await stop(first);
    const second = await start(form(new URL(other.url)));
    await stop(second);
    await Promise.all([one.stop(), other.stop()]);
    const again = await start(form(new URL(one.url)));
    const stranger = await start(form(new URL(other.url)));
    expect((await again.send({ from: BLOCKED })).status).toBe(403);
    expect((await stranger.send({ from: BLOCKED })).status).toBe(200);
    await again.send({ path: '/one', from: '198.51.100.1' });
    await Promise.all([stop(again), stop(stranger)]);
    await Promise.all([one.start(), other.start()]);
    await served(await start(form(new URL(other.url))), other.url, '/other');
    expect(await paths(other.url)).not.toContain('/one');
    await start(form(new URL(one.url)));
    await eventually(async () => (await paths(one.url)).includes('/one'), { withinMs: 15_000 });
  });

  it('behind one address: records go to the one that they were taken for', async () => {
    const url = shared.href;
    proxy.lead(one.port);
    await leave(await start({ url }), '/one/1');
    // It starts while nobody knows where the address leads to, and it turns out to be another server.
    const second = await start({ url });
    proxy.lead(other.port);
    await served(second, other.url, '/other');
    expect(await paths(other.url)).toEqual(['/other']);
    await leave(second, '/other/2');
    proxy.lead(one.port);
    const third = await start({ url });
    await eventually(async () => (await paths(one.url)).includes('/one/1'), { withinMs: 15_000 });
    await rounds();
    expect(await paths(one.url)).toEqual(['/one/1']);
    await stop(third);
    proxy.lead(other.port);
    await start({ url });
    await eventually(async () => (await paths(other.url)).includes('/other/2'), {
      withinMs: 15_000,
    });
  });

  it('behind one address that changes sides: what was adopted is given back', async () => {
    const url = shared.href;
    proxy.lead(one.port);
    const survivor = await start({ url });
    await leave(await start({ url }), '/one/1', '/one/2');
    // It takes over what the other has left, since it knows whose it is, and waits.
    const { stats } = survivor.app.get(RequestLogService);
    await eventually(() => survivor.app.get(RequestLogService).stats.spooledBytes > 300, {
      withinMs: 15_000,
      what: 'adoption',
    });
    expect(stats.written).toBe(0);
    proxy.lead(other.port);
    await served(survivor, other.url, '/other');
    expect(await paths(other.url)).toEqual(['/other']);
    await stop(survivor);
    proxy.lead(one.port);
    await start({ url });
    await eventually(async () => (await paths(one.url)).length === 2, { withinMs: 15_000 });
  });

  it('keep their rules apart while one address leads to one and then to the other', async () => {
    const url = shared.href;
    proxy.lead(one.port);
    const host = await start({ url });
    await host.app.get(IpRuleService).block(BLOCKED);
    expect((await host.send({ from: BLOCKED })).status).toBe(403);
    proxy.lead(other.port);
    await eventually(async () => (await host.send({ from: BLOCKED })).status === 200, {
      withinMs: 15_000,
      what: 'the rules of the other server',
    });
    await stop(host);
    proxy.lead(null);
    // The address led to the other one last.
    const provisional = await start({ url });
    expect((await provisional.send({ from: BLOCKED })).status).toBe(200);
    await stop(provisional);
    proxy.lead(one.port);
    await stop(await start({ url }));
    proxy.lead(null);
    const back = await start({ url });
    expect((await back.send({ from: BLOCKED })).status).toBe(403);
  });
});
