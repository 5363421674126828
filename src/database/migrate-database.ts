import { createDataSource } from './data-source.js';
import { Database } from './database.js';
import { runMigrations } from './migrate.js';

/**
 * Brings the schema `ip_tracking` of a database up to date.
 *
 * @returns the names of the migrations that were applied, oldest first.
 * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` when PostgreSQL cannot be reached.
 */
export async function migrateDatabase(options: { url: string }): Promise<string[]> {
  const database = new Database(createDataSource({ url: options.url }, []), true, false);
  try {
    return await runMigrations(await database.connect());
  } finally {
    await database.close();
  }
}
