import { createSessionSource } from './data-source.js';
import type { OwnDatabaseOptions } from './database.options.js';
import { Database } from './database.js';
import { runMigrations } from './migrate.js';

/**
 * Brings the schema `ip_tracking` of a database up to date.
 *
 * @returns the names of the migrations that were applied, oldest first.
 * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` when PostgreSQL cannot be reached, `IPT_MIGRATION_LOCKED` when
 * another process does not stop migrating.
 */
export async function migrateDatabase(
  options: Pick<OwnDatabaseOptions, 'url' | 'directUrl' | 'ssl'>,
): Promise<string[]> {
  const database = new Database(createSessionSource(options), true);
  try {
    return await runMigrations(await database.connect());
  } finally {
    await database.close();
  }
}
