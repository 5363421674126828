import type { DataSource, EntityManager } from 'typeorm';
import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';
import { describeConnectionError, errorCodeOf } from './connection-error.js';
import { HeldLocks } from './held-locks.js';

/**
 * How long PostgreSQL waits for the next statement of a transaction, in milliseconds. Where packets vanish it would keep
 * what the transaction has locked until TCP gives up, which takes two hours: the whole request log, perhaps.
 */
const LONGEST_PAUSE_MS = 5_000;

/**
 * The module's way to PostgreSQL: connects on first use, so that a database that is down costs the boot nothing, and
 * says in one sentence what is wrong when it cannot.
 */
export class Database {
  private connecting: Promise<DataSource> | null = null;
  private isClosed = false;
  /** The locks that others have held up work of ours with. */
  readonly heldLocks = new HeldLocks();

  constructor(
    readonly dataSource: DataSource,
    private readonly isOwned: boolean,
    /** What has to be done before the first statement. @default nothing */
    private readonly prepare: () => Promise<unknown> = () => Promise.resolve(),
  ) {}

  /**
   * The DataSource, connected.
   *
   * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` when PostgreSQL cannot be reached, where the next call tries
   *   again, and after {@link close}: a pool that is opened then would keep the process alive.
   */
  connect(): Promise<DataSource> {
    if (this.isClosed) {
      return Promise.reject(
        new IpTrackingError('IPT_DATABASE_UNAVAILABLE', 'the app has been closed'),
      );
    }
    this.connecting ??= this.open().catch((error: unknown) => {
      this.connecting = null;
      throw error;
    });
    return this.connecting;
  }

  /**
   * Runs one parameterised statement.
   *
   * @throws IpTrackingError `IPT_SCHEMA_MISSING` where the schema is not there or is an old one;
   *   `IPT_DATABASE_FORBIDDEN` where the role may not do that.
   */
  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const dataSource = await this.connect();
    return dataSource.query<Row[]>(sql, [...parameters]).catch(explain);
  }

  /** Runs `work` in one transaction, with no pause in it. Throws like {@link query}. */
  async transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const dataSource = await this.connect();
    return dataSource
      .transaction(async (manager) => {
        await manager.query(`set local idle_in_transaction_session_timeout = ${LONGEST_PAUSE_MS}`);
        return work(manager);
      })
      .catch(explain);
  }

  /** Closes the pool, unless it is the host's. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.connecting?.catch(() => undefined);
    this.connecting = null;
    if (this.isOwned && this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async open(): Promise<DataSource> {
    try {
      await this.prepare();
      if (!this.dataSource.isInitialized) await this.dataSource.initialize();
      return this.dataSource;
    } catch (error) {
      if (error instanceof IpTrackingError) throw error;
      throw new IpTrackingError('IPT_DATABASE_UNAVAILABLE', describeConnectionError(error), {
        cause: error,
      });
    }
  }
}

/** SQLSTATE: undefined table, schema, function, column. */
const MISSING = new Set(['42P01', '3F000', '42883', '42703']);

/** SQLSTATE: insufficient privilege. */
const FORBIDDEN = '42501';

/** Turns an error of a missing table, column or right into one that says what to do; throws every other one on. */
export function explain(error: unknown): never {
  const code = errorCodeOf(error);
  if (code === FORBIDDEN) {
    throw new IpTrackingError(
      'IPT_DATABASE_FORBIDDEN',
      `the role of the database may not do that: ${messageOf(error)}; docs/privileges.md has the rights that each role needs`,
      { cause: error },
    );
  }
  if (code === null || !MISSING.has(code)) throw error;
  throw new IpTrackingError(
    'IPT_SCHEMA_MISSING',
    'the database has no up-to-date schema of this package: run "ip-tracking migrate", or set database.migrationsRun',
    { cause: error },
  );
}
