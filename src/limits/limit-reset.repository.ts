import type { Database } from '../database/database.js';
import { LISTENER_NAME } from '../database/notifications.js';

/** One reset that somebody has asked for. */
export interface LimitReset {
  readonly id: number;
  /** An IP address, or `user:` and the id. */
  readonly client: string;
  /** One limit's name; null for every limit there is. */
  readonly name: string | null;
}

/**
 * The only place that reads and writes `ip_tracking.limit_reset`. Whoever may connect to a database may notify: a reset is
 * a row, which only some may write, and the notification merely says that there is one.
 */
export class LimitResetRepository {
  constructor(private readonly database: Database) {}

  /**
   * Asks every process that listens.
   *
   * @returns the row's id, and how many listen to this database.
   * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` or `IPT_SCHEMA_MISSING`.
   */
  async request(client: string, name: string | null): Promise<{ id: number; processes: number }> {
    const [row] = await this.database.query<{ id: string; processes: number }>(
      `with asked as (insert into ip_tracking.limit_reset (client, name) values ($1, $2) returning id)
       select id, (select count(*)::int from pg_stat_activity
                    where datname = current_database() and application_name like $3) as processes
         from asked`,
      [client, name, `${LISTENER_NAME}%`],
    );
    return { id: Number(row?.id ?? 0), processes: row?.processes ?? 0 };
  }

  /** The id of the last one that is older than a number of milliseconds, by PostgreSQL's clock; 0 where there is none. */
  async lastBefore(ageMs: number): Promise<number> {
    const [row] = await this.database.query<{ id: string }>(
      `select coalesce(max(id), 0) as id from ip_tracking.limit_reset
        where requested_at < clock_timestamp() - $1 * interval '1 millisecond'`,
      [ageMs],
    );
    return Number(row!.id);
  }

  /** Those after an id, the oldest first. */
  async after(id: number): Promise<LimitReset[]> {
    const rows = await this.database.query<{ id: string; client: string; name: string | null }>(
      `select id, client, name from ip_tracking.limit_reset where id > $1 order by id`,
      [id],
    );
    return rows.map((row) => ({ ...row, id: Number(row.id) }));
  }

  /** How many processes listen to this database and count limits for themselves. */
  async countUnshared(listenerName: string): Promise<number> {
    const [row] = await this.database.query<{ processes: number }>(
      `select count(*)::int as processes from pg_stat_activity
        where datname = current_database() and application_name = $1`,
      [listenerName],
    );
    return row!.processes;
  }
}
