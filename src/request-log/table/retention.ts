import type { EntityManager } from 'typeorm';
import type { Database } from '../../database/database.js';
import { isTableBusy, workAlone } from '../../database/exclusive-work.js';
import { DAY_MS, dateOf, dayOf } from './days.js';
import type { RequestLogPartitions } from './partitions.js';

/** How long things are kept, in days; 0 for ever. */
export interface RetentionDays {
  retentionDays: number;
  rollupRetentionDays: number;
}

/** What a run has done. */
export interface PruneResult {
  /**
   * Rows before this moment are gone, or about to be where the rest is left to another process; null where rows are kept
   * for ever, or another process was at it from the start.
   */
  keptFrom: Date | null;
  /** Another process was found at it, and what was still to do was left to that one. */
  isLeftToAnother: boolean;
  /** The partitions that were dropped, each named by the one process that did. */
  dropped: string[];
  /** The partitions that are due, and in use: the next run tries again. */
  busy: string[];
  /** The partitions that are due by their day, and stay since rows of them were written lately, as by a wrong clock. */
  late: string[];
  /** The rows that were deleted from the default partition. */
  deletedRows: number;
  /** The hours' figures that were deleted from the rollup. */
  deletedFigures: number;
}

/** The name in `job_run` under which stands before which moment rows have been dropped. */
export const RETENTION_MARK = 'request-log-retention';

const RETENTION_LOCK = 7_316_402_522;
const ROWS_AT_ONCE = 50_000;

/**
 * Lets go of what is older than it is to be kept: whole days, by dropping their partitions, which takes no longer for a
 * million rows than for one.
 *
 * A clock that is wrong must not drop the present. "Old" is therefore counted back from the earliest of three clocks:
 * this process', PostgreSQL's, and the newest row of the log. An app that nobody has called for a while keeps its last
 * days until somebody does. And rows that a wrong clock has dated back stay as long as others, from when they were written.
 */
export class RequestLogRetention {
  constructor(
    private readonly database: Database,
    private readonly partitions: Pick<RequestLogPartitions, 'list'>,
    private readonly now: () => number,
  ) {}

  /**
   * Safe to repeat, and by several processes at once. Whoever finds another at it stops and leaves it the rest: that one
   * stops only for a third, so the last goes through all of it. If they only passed over what they cannot have just
   * then, two could keep each other from a day, and nobody would come back to it.
   */
  async prune(days: RetentionDays): Promise<PruneResult> {
    const result: PruneResult = {
      keptFrom: null,
      isLeftToAnother: false,
      dropped: [],
      busy: [],
      late: [],
      deletedRows: 0,
      deletedFigures: 0,
    };
    try {
      await this.pruneAll(days, result);
    } catch (error) {
      if (!(error instanceof LeftToAnother)) throw error;
      result.isLeftToAnother = true;
    }
    return result;
  }

  private async pruneAll(
    { retentionDays, rollupRetentionDays }: RetentionDays,
    result: PruneResult,
  ): Promise<void> {
    const clockMs = await this.clock();
    const newestMs = Math.min(clockMs, (await this.newestRow()) ?? clockMs);
    if (retentionDays > 0) {
      const firstKeptMs = await this.firstKept();
      const keptFromMs = Math.min(firstKeptMs, dayOf(newestMs - retentionDays * DAY_MS));
      const emptyBeforeMs = Math.min(firstKeptMs, dayOf(clockMs - retentionDays * DAY_MS));
      result.keptFrom = new Date(keptFromMs);
      const writtenBefore = new Date(newestMs - retentionDays * DAY_MS);
      for (const partition of await this.partitions.list()) {
        if (partition.startMs >= emptyBeforeMs) break;
        // Whoever is in the way of one is in the way of all, and each try makes writers wait.
        if (result.busy.length > 0) result.busy.push(partition.name);
        else await this.drop(partition, { keptFromMs, writtenBefore }, result);
      }
      result.deletedRows = await this.deleteStrays(new Date(keptFromMs), writtenBefore);
      await this.deleteErasures(new Date(keptFromMs));
    }
    if (rollupRetentionDays > 0) {
      const before = new Date(dayOf(newestMs - rollupRetentionDays * DAY_MS));
      result.deletedFigures = await this.deleteFigures(before);
    }
  }

  /** @throws LeftToAnother where another process is at it. */
  private async alone<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const result = await workAlone(
      this.database,
      { lock: RETENTION_LOCK, what: 'letting go of old rows' },
      async (manager) => ({
        value: await work(manager),
      }),
    );
    if (result === null) throw new LeftToAnother();
    return result.value;
  }

  /** The first day that the owner of the schema lets nobody drop, by its first millisecond. */
  private async firstKept(): Promise<number> {
    const [row] = await this.database.query<{ day: string }>(
      `select ip_tracking.first_kept_day()::text as day`,
    );
    return Date.parse(row!.day);
  }

  /** The earlier of this process' clock and PostgreSQL's. */
  private async clock(): Promise<number> {
    const [row] = await this.database.query<{ now: Date }>(`select now() as now`);
    return Math.min(this.now(), row!.now.getTime());
  }

  /**
   * A row of the last day that has any, found by its id: ids grow with time, and the index on them answers at once. It
   * may not be the very newest, which only means that less is dropped. Where no day has rows, the default partition's.
   * Asked alone: a partition could go between the question whether it is there and the one for its row.
   */
  private async newestRow(): Promise<number | null> {
    const newestFirst = (await this.partitions.list()).toReversed();
    return this.alone(async (manager) => {
      for (const { startMs } of newestFirst) {
        // By its day, not by its name: who may read the log may not read each of its tables.
        const [row] = await manager.query<{ timestamp: Date }[]>(
          `select "timestamp" from ip_tracking.request_log
            where "timestamp" >= $1 and "timestamp" < $2 order by id desc limit 1`,
          [new Date(startMs), new Date(startMs + DAY_MS)],
        );
        if (row !== undefined) return row.timestamp.getTime();
      }
      const [row] = await manager.query<{ timestamp: Date | null }[]>(
        `select max("timestamp") as timestamp from ip_tracking.request_log_default`,
      );
      return row?.timestamp?.getTime() ?? null;
    });
  }

  private async drop(
    { name, startMs }: { name: string; startMs: number },
    { keptFromMs, writtenBefore }: { keptFromMs: number; writtenBefore: Date },
    result: PruneResult,
  ): Promise<void> {
    const mayHaveRows = startMs < keptFromMs;
    try {
      const isDropped = await this.alone(async (manager) => {
        await keepLate(manager, writtenBefore);
        const [row] = await manager.query<{ dropped: boolean }[]>(
          `select ip_tracking.drop_partition($1::date, $2) as dropped`,
          [dateOf(startMs), !mayHaveRows],
        );
        if (row?.dropped && mayHaveRows) await mark(manager, new Date(keptFromMs));
        return row?.dropped === true;
      });
      if (isDropped) result.dropped.push(name);
      else if (mayHaveRows && (await this.isThere(startMs))) result.late.push(name);
    } catch (error) {
      if (!isTableBusy(error)) throw error;
      result.busy.push(name);
    }
  }

  private async isThere(startMs: number): Promise<boolean> {
    return (await this.partitions.list()).some((partition) => partition.startMs === startMs);
  }

  /** Rows of days that never had a partition, or have lost it before they came. */
  private async deleteStrays(before: Date, writtenBefore: Date): Promise<number> {
    let total = 0;
    for (;;) {
      const deleted = await this.alone(async (manager) => {
        await mark(manager, before);
        await keepLate(manager, writtenBefore);
        const [row] = await manager.query<{ count: number }[]>(
          `select ip_tracking.delete_strays($1::date, ${ROWS_AT_ONCE}) as count`,
          [dateOf(before.getTime())],
        );
        return row?.count ?? 0;
      });
      total += deleted;
      if (deleted < ROWS_AT_ONCE) return total;
    }
  }

  /** Whatever still comes of before an erasure that is so old goes with the strays. */
  private async deleteErasures(before: Date): Promise<void> {
    await this.database.query(`delete from ip_tracking.erased_address where erased_before < $1`, [
      before,
    ]);
  }

  private async deleteFigures(before: Date): Promise<number> {
    return this.alone((manager) =>
      countOf(
        manager,
        `with gone as (delete from ip_tracking.request_rollup where hour < $1 returning 1)
         select count(*)::integer as count from gone`,
        before,
      ),
    );
  }
}

/** Ends a run that another process goes on with. */
class LeftToAnother extends Error {}

async function countOf(manager: EntityManager, sql: string, before: Date): Promise<number> {
  const [row] = await manager.query<{ count: number }[]>(sql, [before]);
  return row?.count ?? 0;
}

/** What was written since then stays, however old it says that it is. */
async function keepLate(manager: EntityManager, writtenBefore: Date): Promise<void> {
  await manager.query(`select set_config('ip_tracking.written_before', $1, true)`, [
    writtenBefore.toISOString(),
  ]);
}

/** Notes that rows before a moment may be gone: whatever counts them again must not take that for few requests. */
async function mark(manager: EntityManager, before: Date): Promise<void> {
  await manager.query(
    `insert into ip_tracking.job_run (name, slot) values ('${RETENTION_MARK}', $1)
     on conflict (name) do update set slot = greatest(job_run.slot, excluded.slot)`,
    [before],
  );
}
