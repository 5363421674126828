import type { EntityManager } from 'typeorm';
import { logger } from '../provide.js';
import { errorCodeOf } from './connection-error.js';
import type { Database } from './database.js';

/** Who holds a lock. */
export interface LockHolder {
  pid: number;
  /** For people; with since when it has been at what it does, where PostgreSQL tells this role. */
  description: string;
}

type Query = <Row>(sql: string, values: unknown[]) => Promise<Row[]>;

/** The session that holds an advisory lock; null where none does any more. */
export async function holderOf(query: Query, lock: number): Promise<LockHolder | null> {
  const [row] = await query<{ pid: number; since: Date | null; who: string }>(
    `select activity.pid, coalesce(xact_start, state_change, backend_start) as since,
            format('session %s of %s (%s)', activity.pid, usename, coalesce(nullif(application_name, ''), 'without a name')) as who
       from pg_locks join pg_stat_activity as activity using (pid)
      where locktype = 'advisory' and granted and classid = ($1::bigint >> 32)::int8::oid
        and objid = ($1::bigint & 4294967295)::oid and objsubid = 1
        and pg_locks.database = (select oid from pg_database where datname = current_database())
      limit 1`,
    [lock],
  );
  if (row === undefined) return null;
  // A role may be called anything.
  const who = row.who.replaceAll(/\p{Cc}/gu, '?');
  return {
    pid: row.pid,
    description: row.since === null ? who : `${who}, since ${row.since.toISOString()}`,
  };
}

/** How work that only one process does waits for others. */
export interface ExclusiveWork {
  /** The advisory lock: any number, as long as all processes use the same for the same work. */
  lock: number;
  /** For people, as the beginning of a sentence: `the scan of the log`. */
  what: string;
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
  { lock, what, lockTimeoutMs = 1_000, statementTimeoutMs }: ExclusiveWork,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T | null> {
  return database.transaction(async (manager) => {
    await manager.query(`select set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}ms`]);
    if (statementTimeoutMs !== undefined) {
      const timeout = `${statementTimeoutMs}ms`;
      await manager.query(`select set_config('statement_timeout', $1, true)`, [timeout]);
    }
    return (await lockAlone(database, manager, { lock, what })) ? work(manager) : null;
  });
}

/**
 * Takes a lock until the end of the transaction, if nobody has it. Who sits on it for an hour is named in the log: work
 * that waits in silence is work that is not done.
 */
export async function lockAlone(
  { heldLocks }: Database,
  manager: EntityManager,
  { lock, what }: Pick<ExclusiveWork, 'lock' | 'what'>,
): Promise<boolean> {
  const [row] = await manager.query<{ locked: boolean }[]>(
    `select pg_try_advisory_xact_lock($1) as locked`,
    [lock],
  );
  if (row?.locked === true) {
    heldLocks.had(lock);
    return true;
  }
  const holder = await holderOf((sql, values) => manager.query(sql, values), lock);
  const since = holder === null ? null : heldLocks.refused(lock, holder.pid, Date.now());
  if (holder !== null && since !== null) {
    logger.warn(
      `${what} has not been possible since ${new Date(since).toISOString()}: its lock is held by ${holder.description}. No work of this module takes that long: if nobody knows what that session is for, end it with pg_terminate_backend(${holder.pid})`,
    );
  }
  return false;
}

/** Whether work was given up because a table is in use. */
export function isTableBusy(error: unknown): boolean {
  return errorCodeOf(error) === LOCK_NOT_AVAILABLE;
}
