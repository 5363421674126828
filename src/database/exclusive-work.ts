import type { EntityManager } from 'typeorm';
import { errorCodeOf } from './connection-error.js';
import type { Database } from './database.js';

/** How work that only one process does waits for others. */
export interface ExclusiveWork {
  /** The advisory lock: any number, as long as all processes use the same for the same work. */
  lock: number;
  /** How long a statement waits for a table, in milliseconds; whoever writes to it waits behind that. @default 1000 */
  lockTimeoutMs?: number;
  /** How long a statement may take, in milliseconds. @default as the connection says */
  statementTimeoutMs?: number;
}

/** SQLSTATE: lock not available, within `lock_timeout`. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Runs `work` in one transaction that no other process has at the same time, and that gives up rather than let writers
 * wait: a statement that needs a table for itself makes everybody who comes later queue behind it.
 *
 * @returns null where another process is at it.
 */
export function workAlone<T>(
  database: Database,
  { lock, lockTimeoutMs = 1_000, statementTimeoutMs }: ExclusiveWork,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T | null> {
  return database.transaction(async (manager) => {
    await manager.query(`select set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}ms`]);
    if (statementTimeoutMs !== undefined) {
      const timeout = `${statementTimeoutMs}ms`;
      await manager.query(`select set_config('statement_timeout', $1, true)`, [timeout]);
    }
    const [row] = await manager.query<{ locked: boolean }[]>(
      `select pg_try_advisory_xact_lock($1) as locked`,
      [lock],
    );
    return row?.locked === true ? work(manager) : null;
  });
}

/** Whether work was given up because a table is in use. */
export function isTableBusy(error: unknown): boolean {
  return errorCodeOf(error) === LOCK_NOT_AVAILABLE;
}
