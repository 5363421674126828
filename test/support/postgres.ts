import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Pool, type QueryResultRow } from 'pg';
import { inject } from 'vitest';
import {
  openEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../demo/postgres/embedded-postgres.js';
import { keptPort } from './kept-port.js';
import { temporaryFolder } from './temporary-folder.js';

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  query<Row extends QueryResultRow = QueryResultRow>(
    sql: string,
    params?: unknown[],
  ): Promise<Row[]>;
  /** Drops the database, with whoever is connected to it. */
  close(): Promise<void>;
}

/** A database of its own on the run's server, migrated unless told otherwise. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const name = `ipt_test_${randomBytes(6).toString('hex')}`;
  const template = migrated ? inject('postgresTemplate') : 'template0';
  await administer((client) => copyTemplate(client, name, template));

  const url = databaseUrl(inject('postgresUrl'), name);
  const pool = new Pool({ connectionString: url, max: 2 });
  // A test may cut every connection.
  pool.on('error', () => undefined);
  // A copy would be taken for a relative of every other test's.
  if (migrated) await pool.query(`update ip_tracking.installation set id = gen_random_uuid()`);
  return {
    url,
    name,
    query: async <Row extends QueryResultRow>(sql: string, params?: unknown[]) =>
      (await pool.query<Row>(sql, params)).rows,
    close: async () => {
      await pool.end();
      await administer((client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

export interface TestServer {
  /** Stays the same over {@link stop} and {@link start}. */
  readonly url: string;
  readonly port: number;
  /** `immediate` is a crash: connections break without a word, and the next start recovers. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** Stops it for good and removes its data. */
  close(): Promise<void>;
}

/** A PostgreSQL of its own, empty, for a test that stops and starts it. */
export async function createTestServer(): Promise<TestServer> {
  const folder = temporaryFolder('server', { inMemory: true });
  const options = {
    dataDir: join(folder.path, 'postgres'),
    // Copies of the programs, where it takes any, are made once a run.
    fallbackDir: inject('temporaryFolder'),
    port: await keptPort(),
    fsync: false,
  };
  let running: EmbeddedPostgres | null = null;
  const server: Omit<TestServer, 'url'> = {
    port: options.port,
    start: async () => {
      running ??= await openEmbeddedPostgres(options);
    },
    stop: async (mode = 'fast') => {
      await running?.stop(mode);
      running = null;
    },
    close: async () => {
      await server.stop('immediate');
      await folder.remove();
    },
  };
  await server.start();
  return { ...server, url: running!.url };
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** PostgreSQL copies a template only while nobody is connected to it, another copy included. */
async function copyTemplate(client: Client, name: string, template: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`create database ${name} template ${template}`);
      return;
    } catch (error) {
      const isBusy = (error as { code?: string }).code === '55006';
      if (!isBusy || attempt === 100) throw error;
      await sleep(20 + Math.random() * 60);
    }
  }
}

async function administer(run: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await run(client);
  } finally {
    await client.end();
  }
}
