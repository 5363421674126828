import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { IpRuleService, migrateDatabase } from '../../src/index.js';
import { createSessionSource } from '../../src/database/data-source.js';
import { runMigrations } from '../../src/database/migrate.js';
import { startHost } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const MIGRATION_LOCK = '7316402519';

let database: TestDatabase;
const clients: Client[] = [];

beforeEach(async () => {
  database = await createTestDatabase({ migrated: false });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
  await database.close();
});

async function connect(url: string, name?: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: name });
  await client.connect();
  clients.push(client);
  return client;
}

async function migrateWithin(patienceMs: number): Promise<string[]> {
  const source = createSessionSource({ url: database.url });
  await source.initialize();
  try {
    return await runMigrations(source, patienceMs);
  } finally {
    await source.destroy();
  }
}

it('an app with a pool of one migrates and serves', async () => {
  const host = await startHost({
    adapter: 'fastify',
    database,
    options: { database: { url: database.url, migrationsRun: true, poolSize: 1 } },
  });
  await host.app.get(IpRuleService).block('192.0.2.1');
  expect((await host.send({ from: '192.0.2.1' })).status).toBe(403);
  expect(await host.rows(1)).toMatchObject([{ outcome: 'blocked' }]);
  await host.close();
});

it('several at once migrate once', async () => {
  const applied = await Promise.all(
    Array.from({ length: 4 }, () => migrateDatabase({ url: database.url })),
  );
  expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
});

it('whoever holds the lock is named, and nothing is changed', async () => {
  const holder = await connect(database.url, 'a deployment that hangs');
  await holder.query(`select pg_advisory_lock(${MIGRATION_LOCK})`);
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
  await expect(migrateWithin(300)).rejects.toMatchObject({
    code: 'IPT_MIGRATION_LOCKED',
    message: expect.stringMatching(
      new RegExp(
        `^another session has been migrating for more than 0.3 s, so nothing was changed: session ${rows[0]!.pid} of postgres \\(a deployment that hangs\\), since .*pg_terminate_backend\\(${rows[0]!.pid}\\)$`,
      ),
    ) as string,
  });
  expect(await database.query(`select to_regnamespace('ip_tracking') as schema`)).toEqual([
    { schema: null },
  ]);
});

it('where nothing is pending nobody is waited for', async () => {
  await migrateDatabase({ url: database.url });
  const holder = await connect(database.url);
  await holder.query(`select pg_advisory_lock(${MIGRATION_LOCK})`);
  expect(await migrateWithin(0)).toEqual([]);
});

it('a role that may not make a schema is told so, and what it lacks', async () => {
  const role = `ipt_reader_${process.pid}`;
  await database.query(`create role ${role} login password 'reader'`);
  try {
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'reader'];
    await expect(migrateDatabase({ url: url.href })).rejects.toThrow(
      /permission denied for database/,
    );
  } finally {
    await database.query(`drop role ${role}`);
  }
});
