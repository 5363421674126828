import { createSessionSource } from './data-source.js';
import type { OwnDatabaseOptions } from './database.options.js';
import { Database } from './database.js';
import { buildEvidenceIndex } from './evidence-index.js';
import { runMigrations } from './migrate.js';

/**
 * Brings the schema `ip_tracking` of a database up to date, and builds on older partitions of the log what newer ones have
 * from the start.
 *
 * @returns the names of the migrations that were applied, oldest first.
 * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` when PostgreSQL cannot be reached, `IPT_MIGRATION_LOCKED` when
 * another process does not stop migrating, `IPT_POOLED_SESSION` where `url` leads to a pooler and there is no `directUrl`.
 */
export async function migrateDatabase(
  options: Pick<OwnDatabaseOptions, 'url' | 'directUrl' | 'ssl'>,
): Promise<string[]> {
  const database = new Database(createSessionSource(options), true);
  try {
    const dataSource = await database.connect();
    const applied = await runMigrations(dataSource, { isDirect: options.directUrl !== undefined });
    await buildEvidenceIndex(dataSource);
    return applied;
  } finally {
    await database.close();
  }
}
