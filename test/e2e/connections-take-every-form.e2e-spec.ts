import { chownSync, copyFileSync, chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  DetectionService,
  IP_TRACKING_ENTITIES,
  IpRuleService,
  migrateDatabase,
  type IpTrackingOptions,
} from '../../src/index.js';
import { RequestLogUpkeep } from '../../src/request-log/table/upkeep.js';
import { eventually } from '../support/eventually.js';
import { startHost, type Host } from '../support/host-app.js';
import {
  createTestDatabase,
  createTestServer,
  type TestDatabase,
  type TestServer,
} from '../support/postgres.js';

const TLS = fileURLToPath(new URL('../fixtures/tls', pathToFileURL(__filename)));
const CA = readFileSync(join(TLS, 'ca.pem'), 'utf8');

async function ask(url: string, ...statements: string[]): Promise<Record<string, string>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, string>[] = [];
    for (const sql of statements) rows = (await client.query<Record<string, string>>(sql)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

describe('TLS', () => {
  let server: TestServer;
  let url: URL;
  let host: Host | null = null;

  beforeAll(async () => {
    server = await createTestServer();
    url = new URL(server.url);
    url.hostname = 'localhost';
    await migrateDatabase({ url: server.url });
    const [row] = await ask(server.url, 'show data_directory');
    const folder = row!['data_directory']!;
    const { uid, gid } = statSync(folder);
    for (const name of ['server.pem', 'server.key']) {
      const path = join(folder, name);
      copyFileSync(join(TLS, name), path);
      chmodSync(path, 0o600);
      if (process.getuid?.() === 0) chownSync(path, uid, gid);
    }
  });
  afterEach(async () => {
    await host?.close();
    host = null;
  });
  afterAll(() => server.close());

  const switchTls = async (to: 'on' | 'off') => {
    await ask(
      server.url,
      `alter system set ssl_cert_file = 'server.pem'`,
      `alter system set ssl_key_file = 'server.key'`,
      `alter system set ssl = ${to}`,
      'select pg_reload_conf()',
    );
    await eventually(async () => (await ask(server.url, 'show ssl'))[0]!['ssl'] === to);
  };
  const by = (hostname: string, query = '') => {
    const given = new URL(url);
    given.hostname = hostname;
    return given.href + query;
  };
  const why = (options: { url: string; ssl?: boolean | object }) =>
    migrateDatabase(options).then(
      () => 'connected',
      (error: Error) => error.message,
    );

  it('is asked for as the URL or database.ssl says, and what does not fit names its cure', async () => {
    await switchTls('off');
    expect(await why({ url: by('localhost', '?sslmode=verify-full') })).toMatch(
      /^PostgreSQL cannot be used: it takes no TLS, .* sslmode=disable/,
    );
    await switchTls('on');
    expect(await why({ url: by('localhost', '?sslmode=verify-full') })).toMatch(
      /^PostgreSQL cannot be used: its certificate is signed by nobody that Node trusts: give .* database\.ssl \(\{ ca \}\), or with sslrootcert/,
    );
    expect(await why({ url: by('127.0.0.1'), ssl: { ca: CA } })).toMatch(
      /^PostgreSQL cannot be used: its certificate is for another name: .*\{ servername \}/,
    );
    for (const options of [
      { url: by('localhost'), ssl: { ca: CA } },
      { url: by('localhost', `?sslmode=verify-full&sslrootcert=${join(TLS, 'ca.pem')}`) },
      { url: by('localhost', '?sslmode=no-verify') },
      { url: by('localhost', '?sslmode=disable') },
    ]) {
      expect([options, await why(options)]).toEqual([options, 'connected']);
    }
  });

  it('holds for the pool, the listener and the migrations', async () => {
    await switchTls('on');
    host = await startHost({
      adapter: 'fastify',
      database: {
        url: server.url,
        name: 'postgres',
        query: () => Promise.resolve([]),
        close: () => Promise.resolve(),
      },
      options: {
        database: { url: by('localhost'), ssl: { ca: CA }, migrationsRun: true },
      },
    });
    await host.app.get(IpRuleService).block('192.0.2.1');
    expect((await host.send({ from: '192.0.2.1' })).status).toBe(403);
    const sessions = await eventually(async () => {
      const rows = await ask(
        server.url,
        `select application_name as name, ssl::text from pg_stat_ssl join pg_stat_activity using (pid)
          where application_name like 'nestjs-ip-tracking%'`,
      );
      return rows.some(({ name }) => name!.includes('listen')) && rows;
    });
    expect(new Set(sessions.map(({ ssl }) => ssl))).toEqual(new Set(['true']));
  });
});

describe.each([
  ['of the database', (name: string) => `alter database ${name} set datestyle = 'SQL, DMY'`],
  [
    'of the role',
    (name: string) => `alter role current_user in database ${name} set datestyle = 'German'`,
  ],
])('a DateStyle %s', (_, alter) => {
  let database: TestDatabase;
  let host: Host;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.query(alter(database.name).replace('current_user', 'postgres'));
    host = await startHost({
      adapter: 'express',
      database,
      options: {
        detection: { cron: false },
        requestLog: { retentionDays: 7 },
      } satisfies Partial<IpTrackingOptions>,
    });
  });
  afterAll(async () => {
    await host.close();
    await database.close();
  });

  it('of a host’s own DataSource is said, with the cure', async () => {
    const said: string[] = [];
    const dataSource = new DataSource({
      type: 'postgres',
      url: database.url,
      entities: IP_TRACKING_ENTITIES,
    });
    const other = await startHost({
      adapter: 'express',
      database,
      configure: (app) => {
        const say = (message: unknown) => void said.push(String(message));
        app.useLogger({ log: () => undefined, warn: say, error: say });
      },
      options: { database: { dataSource } },
    });
    await other.close();
    await dataSource.destroy();
    expect(said).toEqual([
      expect.stringMatching(/DateStyle .* pg reads ISO dates alone: .*-c datestyle=ISO/),
    ]);
  });

  it('breaks nothing', async () => {
    const rules = host.app.get(IpRuleService);
    const day = 86_400_000;
    await rules.block('192.0.2.1', { forMs: day });
    expect((await host.send({ from: '192.0.2.1' })).status).toBe(403);
    const [rule] = await rules.list();
    const lastsMs = rule!.expiresAt!.getTime() - Date.now();
    expect(Math.abs(lastsMs - day)).toBeLessThan(60_000);
    for (let time = 0; time < 3; time += 1)
      await host.send({ path: '/login', from: '198.51.100.2' });
    await eventually(async () => {
      const rows = await database.query(`select from ip_tracking.request_log`);
      return rows.length === 4;
    });
    const before = Date.now();
    const { findings } = await host.app.get(DetectionService).scan();
    expect(findings.map(({ ipAddress }) => ipAddress)).toEqual(['198.51.100.2']);
    const [stored] = await host.app.get(DetectionService).findings();
    expect(Math.abs(stored!.flaggedAt.getTime() - before)).toBeLessThan(60_000);
    await host.app.get(RequestLogUpkeep).run();
    const [{ count }] = (await database.query(
      `select count(*)::int as count from ip_tracking.request_log`,
    )) as [{ count: number }];
    expect(count).toBe(4);
  });
});
