import { errorCodeOf } from '../../database/connection-error.js';
import type { Database } from '../../database/database.js';
import { isTableBusy, workAlone } from '../../database/exclusive-work.js';
import { messageOf } from '../../ip-tracking.errors.js';
import { logger } from '../../provide.js';
import { DAY_MS, dateOf, dayOf, dayOfPartition } from './days.js';

/** SQLSTATE: the default partition holds rows that the new one would have to take. */
const CHECK_VIOLATION = '23514';
/** Days made ahead, today included: an app that is restarted once a week never falls into the default partition. */
const DAYS_AHEAD = 8;
/** While the next days have theirs, a table that is in use may stay so until the next hour. */
const URGENT_DAYS = 2;
/** Days that are taken out of the default partition in one run, so that a wrong clock's rows make no year of partitions. */
const MAX_DAYS_EMPTIED = 31;
/** SQLSTATE: a statement took longer than it may. */
const QUERY_CANCELED = '57014';
const PARTITIONS_LOCK = 7_316_402_521;
/** So many rows of a day are given a partition of their own: the table is locked for as long as that takes, some seconds. */
const MAX_ROWS_MOVED = 1_000_000;

/**
 * Makes the daily partitions of `request_log` ahead of time, and empties the default partition, which takes the rows of
 * days that have none. Safe to repeat, and by several processes at once.
 */
export class RequestLogPartitions {
  private madeUntilMs: number | null = null;
  /** The days whose rows are too many to be moved, as far as that has been said. */
  private readonly left = new Set<number>();

  /** @param maxRowsMoved rows of a day beyond that stay in the default partition. */
  constructor(
    private readonly database: Database,
    private readonly now: () => number,
    private readonly maxRowsMoved = MAX_ROWS_MOVED,
  ) {}

  /** Up to which moment there are partitions, as far as this process has made or seen them; null where it has not looked. */
  get readyUntil(): Date | null {
    return this.madeUntilMs === null ? null : new Date(this.madeUntilMs);
  }

  /** The partitions of ours, oldest day first. */
  async list(): Promise<{ name: string; startMs: number }[]> {
    const rows = await this.database.query<{ name: string }>(
      `select relname as name from pg_class
         join pg_inherits on inhrelid = pg_class.oid
        where inhparent = 'ip_tracking.request_log'::regclass
        order by relname`,
    );
    return rows.flatMap(({ name }) => {
      const startMs = dayOfPartition(name);
      return startMs === null ? [] : [{ name, startMs }];
    });
  }

  /** Makes what is missing from today on. */
  async ensure(): Promise<void> {
    const existing = new Set((await this.list()).map(({ startMs }) => startMs));
    const today = dayOf(this.now());
    let failure: unknown = null;
    let isTodayThere = false;
    for (let day = 0; day < DAYS_AHEAD; day += 1) {
      const startMs = today + day * DAY_MS;
      try {
        const isThere = existing.has(startMs) || (await this.create(startMs, day === 0));
        if (day === 0) isTodayThere = isThere;
        if (isTodayThere) this.madeUntilMs = startMs + DAY_MS;
      } catch (error) {
        if (isTableBusy(error) && day >= URGENT_DAYS) break;
        // What takes too long for today's rows must not keep tomorrow's from having a partition.
        if (day > 0 || errorCodeOf(error) !== QUERY_CANCELED) throw error;
        failure = error;
      }
    }
    if (!isTodayThere) this.madeUntilMs = null;
    if (failure !== null) throw failure;
  }

  /**
   * Gives the rows of the default partition the partitions that they should have been in. Those of days that are still
   * too far ahead, by a clock that was wrong, stay until their time has come. Where the table is in use, or a statement
   * takes too long, that is said, and the next run goes on. Too many of a day stay where they are, until retention.
   *
   * @returns how many days were made.
   */
  async emptyDefault(): Promise<number> {
    const days = await this.database.query<{ day: Date }>(
      `select distinct date_trunc('day', "timestamp", 'UTC') as day
         from ip_tracking.request_log_default
        where "timestamp" < $1
        order by 1 desc limit $2`,
      [new Date(dayOf(this.now()) + DAYS_AHEAD * DAY_MS), MAX_DAYS_EMPTIED],
    );
    let made = 0;
    for (const [at, { day }] of days.entries()) {
      try {
        if (await this.create(day.getTime(), true)) made += 1;
      } catch (error) {
        if (!isTableBusy(error) && errorCodeOf(error) !== QUERY_CANCELED) throw error;
        const rest = `${days.length - at} of ${days.length}`;
        logger.warn(
          `the default partition of the request log has rows of ${days.length} days; ${rest} could not be moved into partitions of their own this time: ${messageOf(error)}. The next round goes on with them`,
        );
        return made;
      }
    }
    return made;
  }

  /**
   * @param mayHaveRows rows of the day may be in the default partition, or be on their way there.
   * @returns false where it is left out for the rows that it would have to take.
   */
  private async create(startMs: number, mayHaveRows: boolean): Promise<boolean> {
    if (mayHaveRows && (await this.hasTooMany(startMs))) return false;
    try {
      await workAlone(
        this.database,
        { lock: PARTITIONS_LOCK, what: 'making partitions' },
        (manager) =>
          manager.query(`select ip_tracking.make_partition($1::date, $2)`, [
            dateOf(startMs),
            mayHaveRows,
          ]),
      );
    } catch (error) {
      if (mayHaveRows || errorCodeOf(error) !== CHECK_VIOLATION) throw error;
      return this.create(startMs, true);
    }
    return true;
  }

  /** Whether it would take too long to move the rows of a day, which is said once. */
  private async hasTooMany(startMs: number): Promise<boolean> {
    const [row] = await this.database.query<{ count: number }>(
      `select count(*)::integer as count
         from (select from ip_tracking.request_log_default
                where "timestamp" >= $1 and "timestamp" < $2 limit $3) as rows`,
      [new Date(startMs), new Date(startMs + DAY_MS), this.maxRowsMoved + 1],
    );
    if ((row?.count ?? 0) <= this.maxRowsMoved) return false;
    if (this.left.has(startMs)) return true;
    this.left.add(startMs);
    const day = dateOf(startMs);
    logger.warn(
      `the default partition of the request log has more than ${this.maxRowsMoved} rows of ${day}: they stay there for retention to delete, since to move them would lock the table for long. At a quiet time its owner can: select ip_tracking.make_partition('${day}', true)`,
    );
    return true;
  }
}
