// Writes migrations/schema.sql: migrates a fresh database, on the server of DATABASE_URL or on one that lives as long as
// this script, and dumps what the migrations have made.
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { importBuilt } from './built.mjs';
import { dumpSchema } from './schema-dump.mjs';

const { migrateDatabase } = await importBuilt('src/index.js');
const FILE = fileURLToPath(new URL('../migrations/schema.sql', import.meta.url));

/** Runs `work` with a client that is closed behind it. */
async function connected(url, work) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function dumpFreshDatabase(serverUrl) {
  const name = `ipt_schema_${randomBytes(6).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await connected(serverUrl, (client) => client.query(`create database ${name}`));
  try {
    await migrateDatabase({ url: url.href });
    return await connected(url.href, (client) =>
      dumpSchema(async (sql, params) => (await client.query(sql, params)).rows),
    );
  } finally {
    await connected(serverUrl, (client) => client.query(`drop database ${name} with (force)`));
  }
}

async function dumpOnThrowAwayServer() {
  const { openEmbeddedPostgres } = await importBuilt('demo/postgres/embedded-postgres.js');
  // Root's TMPDIR may be private, and PostgreSQL does not run as root.
  const folder = await mkdtemp(
    join(process.getuid?.() === 0 ? '/tmp' : tmpdir(), 'ipt-schema-dump-'),
  );
  await chmod(folder, 0o711);
  try {
    const server = await openEmbeddedPostgres({
      dataDir: join(folder, 'postgres'),
      fallbackDir: folder,
      fsync: false,
    });
    try {
      return await dumpFreshDatabase(server.url);
    } finally {
      await server.stop('immediate');
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

try {
  const url = process.env.DATABASE_URL;
  await writeFile(FILE, await (url ? dumpFreshDatabase(url) : dumpOnThrowAwayServer()));
  process.stdout.write('Wrote migrations/schema.sql.\n');
} catch (error) {
  process.stderr.write(`The schema could not be dumped: ${error.message}\n`);
  process.exitCode = 1;
}
