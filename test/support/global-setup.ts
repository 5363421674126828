import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { describeDemoError } from '../../demo/demo-error.js';
import { openEmbeddedPostgres } from '../../demo/postgres/embedded-postgres.js';
import { migrateDatabase } from '../../src/index.js';
import { provideSeed } from './property-seed.js';
import { temporaryFolder } from './temporary-folder.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's URL of the server that this run's tests share. */
    postgresUrl: string;
    /** A migrated database on it, to copy from. */
    postgresTemplate: string;
    /** This run's folder: gone when the run is over. */
    temporaryFolder: string;
  }
}

/** Starts one PostgreSQL for the whole run and migrates one database on it; `TEST_DATABASE_URL` names another server. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  provideSeed(project);
  const folder = temporaryFolder('run');
  const cluster = temporaryFolder('databases', { inMemory: true });
  const own = process.env['TEST_DATABASE_URL'] ? null : await start(cluster.path, folder.path);
  const url = own?.url ?? process.env['TEST_DATABASE_URL']!;
  // On a server that is not ours, another run may be at it at the same time.
  const template = own ? 'ipt_template' : `ipt_template_${randomBytes(4).toString('hex')}`;

  await administer(url, `create database ${template}`);
  const templateUrl = new URL(url);
  templateUrl.pathname = `/${template}`;
  await migrateDatabase({ url: templateUrl.href });

  project.provide('postgresUrl', url);
  project.provide('postgresTemplate', template);
  project.provide('temporaryFolder', folder.path);

  return async () => {
    if (own) await own.stop('immediate');
    else await administer(url, `drop database ${template} with (force)`);
    await cluster.remove();
    await folder.remove();
  };
}

/** @param programs takes copies of the programs, which may not run from memory. */
async function start(folder: string, programs: string) {
  try {
    return await openEmbeddedPostgres({
      dataDir: join(folder, 'postgres'),
      fallbackDir: programs,
      fsync: false,
    });
  } catch (error) {
    throw new Error(
      `The tests need a PostgreSQL (or TEST_DATABASE_URL). ${describeDemoError(error)}`,
      { cause: error },
    );
  }
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
