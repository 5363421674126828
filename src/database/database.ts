import type { DataSource, EntityManager } from 'typeorm';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { describeConnectionError } from './connection-error.js';
import { runMigrations } from './migrate.js';

/**
 * The module's way to PostgreSQL: connects on first use, so that a database that is down costs the boot nothing, and
 * says in one sentence what is wrong when it cannot.
 */
export class Database {
  private connecting: Promise<DataSource> | null = null;

  constructor(
    readonly dataSource: DataSource,
    private readonly isOwned: boolean,
    private readonly shouldMigrate: boolean,
  ) {}

  /**
   * The DataSource, connected.
   *
   * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` when PostgreSQL cannot be reached; the next call tries again.
   */
  connect(): Promise<DataSource> {
    this.connecting ??= this.open().catch((error: unknown) => {
      this.connecting = null;
      throw error;
    });
    return this.connecting;
  }

  /** Runs one parameterised statement. */
  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const dataSource = await this.connect();
    return dataSource.query<Row[]>(sql, [...parameters]);
  }

  /** Runs `work` in one transaction. */
  async transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const dataSource = await this.connect();
    return dataSource.transaction(work);
  }

  /** Closes the pool, unless it is the host's. */
  async close(): Promise<void> {
    await this.connecting?.catch(() => undefined);
    this.connecting = null;
    if (this.isOwned && this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async open(): Promise<DataSource> {
    try {
      if (!this.dataSource.isInitialized) await this.dataSource.initialize();
      if (this.shouldMigrate) await runMigrations(this.dataSource);
      return this.dataSource;
    } catch (error) {
      throw new IpTrackingError('IPT_DATABASE_UNAVAILABLE', describeConnectionError(error), {
        cause: error,
      });
    }
  }
}
