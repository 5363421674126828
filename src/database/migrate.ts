import type { DataSource } from 'typeorm';
import { SCHEMA } from './data-source.js';

/** Any constant will do, as long as every process that migrates uses the same. */
const MIGRATION_LOCK = 7_316_402_519;

/**
 * Applies the pending migrations, one process at a time.
 *
 * @returns the names of the migrations that were applied, oldest first; empty when there was nothing to do.
 */
export async function runMigrations(dataSource: DataSource): Promise<string[]> {
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    // TypeORM keeps its table of applied migrations in our schema, and makes that table before it runs the first one.
    await lock.query(`create schema if not exists ${SCHEMA}`);
    const applied = await dataSource.runMigrations({ transaction: 'each' });
    return applied.map((migration) => migration.name);
  } finally {
    await lock.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await lock.release();
  }
}
