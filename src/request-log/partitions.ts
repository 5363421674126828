import { errorCodeOf } from '../database/connection-error.js';
import type { Database } from '../database/database.js';

const DAY_MS = 86_400_000;
/** SQLSTATE: the default partition holds rows that the new one would have to take. */
const CHECK_VIOLATION = '23514';
/** Days made ahead, today included: an app that is restarted once a week never falls into the default partition. */
const DAYS_AHEAD = 8;

/** Makes the daily partitions of `request_log` ahead of time. A row of a day without one lands in the default partition. */
export class RequestLogPartitions {
  constructor(
    private readonly database: Database,
    private readonly now: () => number,
  ) {}

  /** Makes what is missing from today on; safe to repeat, and by several processes at once. */
  async ensure(): Promise<void> {
    const existing = new Set(await this.names());
    const today = Math.floor(this.now() / DAY_MS) * DAY_MS;
    for (let day = 0; day < DAYS_AHEAD; day += 1) {
      const start = today + day * DAY_MS;
      if (!existing.has(partitionName(start))) await this.create(start);
    }
  }

  private async names(): Promise<string[]> {
    const rows = await this.database.query<{ name: string }>(
      `select relname as name from pg_class
         join pg_inherits on inhrelid = pg_class.oid
        where inhparent = 'ip_tracking.request_log'::regclass`,
    );
    return rows.map(({ name }) => name);
  }

  private async create(startMs: number): Promise<void> {
    const name = partitionName(startMs);
    // Identifiers and bounds of DDL cannot be parameters; these are made of a number of ours alone.
    const bounds = `from ('${isoOf(startMs)}') to ('${isoOf(startMs + DAY_MS)}')`;
    try {
      await this.database.query(
        `create table if not exists ip_tracking.${name}
           partition of ip_tracking.request_log for values ${bounds}`,
      );
    } catch (error) {
      if (errorCodeOf(error) !== CHECK_VIOLATION) throw error;
      await this.createFromDefault(name, startMs, bounds);
    }
  }

  /** The default partition has rows of the day already: they move, and nobody sees the table without them. */
  private async createFromDefault(name: string, startMs: number, bounds: string): Promise<void> {
    await this.database.transaction(async (manager) => {
      await manager.query(`lock table ip_tracking.request_log in access exclusive mode`);
      await manager.query(
        `create table ip_tracking.${name} (like ip_tracking.request_log including defaults including generated)`,
      );
      await manager.query(
        `with moved as (
           delete from ip_tracking.request_log_default
            where "timestamp" >= '${isoOf(startMs)}' and "timestamp" < '${isoOf(startMs + DAY_MS)}'
           returning *)
         insert into ip_tracking.${name} select * from moved`,
      );
      await manager.query(
        `alter table ip_tracking.request_log attach partition ip_tracking.${name} for values ${bounds}`,
      );
    });
  }
}

function isoOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** `request_log_20260131` for a day given by its first millisecond (UTC). */
export function partitionName(startMs: number): string {
  return `request_log_${new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
}
