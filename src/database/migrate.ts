import { setTimeout as sleep } from 'node:timers/promises';
import { MigrationExecutor, type DataSource, type EntityManager } from 'typeorm';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { SCHEMA } from './data-source.js';
import { holderOf } from './exclusive-work.js';

/** Any constant will do, as long as every process that migrates uses the same. */
const MIGRATION_LOCK = 7_316_402_519;
/** How long a process waits for another that migrates, in milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * Applies the pending migrations, one process at a time. Where none is pending nothing is locked, and no right is needed
 * but to read which were applied.
 *
 * @param dataSource one connection is enough; it has to be a session of its own, not one of a pooler.
 * @returns the names of the migrations that were applied, oldest first; empty when there was nothing to do.
 * @throws IpTrackingError `IPT_MIGRATION_LOCKED` where another session holds the lock for a minute.
 */
export async function runMigrations(
  dataSource: DataSource,
  patienceMs = PATIENCE_MS,
): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  const { manager } = runner;
  try {
    if (!(await isPending(dataSource, manager))) return [];
    await lock(manager, patienceMs);
    try {
      // TypeORM keeps its table of applied migrations in our schema, and makes that table before it runs the first one.
      if (!(await hasSchema(manager))) await manager.query(`create schema if not exists ${SCHEMA}`);
      const executor = new MigrationExecutor(dataSource, runner);
      executor.transaction = 'each';
      return (await executor.executePendingMigrations()).map(({ name }) => name);
    } finally {
      await manager.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    }
  } finally {
    await runner.release();
  }
}

async function isPending(dataSource: DataSource, manager: EntityManager): Promise<boolean> {
  const [found] = await manager.query<{ table: string | null }[]>(
    `select to_regclass($1) as table`,
    [`${SCHEMA}.migration`],
  );
  if (found?.table == null) return true;
  const rows = await manager.query<{ name: string }[]>(`select name from ${SCHEMA}.migration`);
  const applied = new Set(rows.map(({ name }) => name));
  return dataSource.migrations.some(
    ({ name, constructor }) => !applied.has(name ?? constructor.name),
  );
}

async function hasSchema(manager: EntityManager): Promise<boolean> {
  const [found] = await manager.query<{ schema: string | null }[]>(
    `select to_regnamespace($1) as schema`,
    [SCHEMA],
  );
  return found?.schema != null;
}

async function lock(manager: EntityManager, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const [row] = await manager.query<{ locked: boolean }[]>(
      'select pg_try_advisory_lock($1) as locked',
      [MIGRATION_LOCK],
    );
    if (row?.locked === true) return;
    if (performance.now() > deadline) {
      const holder = await holderOf((sql, values) => manager.query(sql, values), MIGRATION_LOCK);
      throw new IpTrackingError(
        'IPT_MIGRATION_LOCKED',
        `another session has been migrating for more than ${patienceMs / 1_000} s, so nothing was changed: ${holder?.description ?? 'it is gone by now'}. Wait for it, or end it with select pg_terminate_backend(${holder?.pid ?? '<pid>'})`,
      );
    }
    await sleep(200);
  }
}
