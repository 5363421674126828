import { join } from 'node:path';
import { Client } from 'pg';
import { DemoError } from './demo-error.js';
import { dataFolderOf } from './demo-state.js';
import { openEmbeddedPostgres } from './postgres/embedded-postgres.js';

/** The database the demo runs on, its own or one it was given. */
export interface DemoDatabase {
  readonly url: string;
  /** For people: which one it is, without the password. */
  readonly description: string;
  stop(): Promise<void>;
  /** Does what {@link stop} does, but waits for nothing. */
  abandon(): void;
}

export async function openDemoDatabase(
  checkout: string,
  databaseUrl: string | null,
  log: (line: string) => void,
): Promise<DemoDatabase> {
  if (databaseUrl !== null) {
    await tryToConnect(databaseUrl);
    return {
      url: databaseUrl,
      description: `the PostgreSQL of DATABASE_URL at ${placeOf(databaseUrl)}`,
      stop: async () => undefined,
      abandon: () => undefined,
    };
  }
  const postgres = await openEmbeddedPostgres({
    dataDir: join(dataFolderOf(checkout), 'postgres'),
    log,
  });
  return {
    url: postgres.url,
    description: `embedded PostgreSQL, data in ${postgres.dataDir}`,
    stop: () => postgres.stop(),
    abandon: () => postgres.abandon(),
  };
}

/** Once, and at once: the app itself would retry a dead database for half a minute. */
async function tryToConnect(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new DemoError(
      `The PostgreSQL of DATABASE_URL at ${placeOf(databaseUrl)} cannot be used (${reasonOf(error)}): ` +
        'start it or correct the URL, or leave DATABASE_URL out to use the embedded one.',
      undefined,
      { cause: error },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

function placeOf(databaseUrl: string): string {
  return new URL(databaseUrl).host || 'its default host';
}

function reasonOf(error: unknown): string {
  // A name with several addresses fails with one error for each and no message.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
