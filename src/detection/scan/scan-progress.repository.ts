import type { EntityManager } from 'typeorm';
import { ENDED_AT, LOG } from './log-terms.js';

/** The names in `job_run`: up to which hour the log was judged, and up to which arrival its rows were seen. */
const HOURS = 'detection-hours';
const ARRIVALS = 'detection-arrivals';
/** Under which the job kept its hour before it judged every one of them. */
const BEFORE = 'anomaly-scan';
/** The name under which retention notes before which moment rows have been dropped. */
const RETENTION = 'request-log-retention';
/** A transaction has begun a moment before it locks the table. */
const MARGIN_MS = 5_000;

/** Where the scans stand. */
export interface ScanProgress {
  /** All hours before this have been judged; null before the first scan. */
  readonly judgedUntil: Date | null;
  /** All rows that had arrived before this have been judged; null before the first scan. */
  readonly arrivedUntil: Date | null;
}

/** Keeps where the scans stand, for whichever process scans next. */
export class ScanProgressRepository {
  constructor(private readonly manager: Pick<EntityManager, 'query'>) {}

  async read(): Promise<ScanProgress> {
    const rows = await this.manager.query<{ name: string; slot: Date }[]>(
      `select name, slot from ip_tracking.job_run where name = any($1)`,
      [[HOURS, ARRIVALS, BEFORE]],
    );
    const slots = new Map(rows.map(({ name, slot }) => [name, slot]));
    return {
      judgedUntil: slots.get(HOURS) ?? slots.get(BEFORE) ?? null,
      arrivedUntil: slots.get(ARRIVALS) ?? slots.get(BEFORE) ?? null,
    };
  }

  noteJudged(until: Date): Promise<void> {
    return this.note(HOURS, until);
  }

  noteArrived(until: Date): Promise<void> {
    return this.note(ARRIVALS, until);
  }

  /**
   * Up to which arrival nothing can come any more: a row carries the time at which its transaction began, so that of those
   * who are writing the first to have begun decides. Where somebody else's session does not say when that was, nothing is
   * known beyond `known`.
   */
  async settledUntil(now: Date, known: Date): Promise<Date> {
    const [row] = await this.manager.query<{ now: Date; first: Date | null; unknown: boolean }[]>(
      `select clock_timestamp() as now, min(xact_start) as first, coalesce(bool_or(xact_start is null), false) as unknown
         from pg_locks join pg_stat_activity using (pid)
        where locktype = 'relation' and mode = 'RowExclusiveLock' and relation = '${LOG}'::regclass
          and pg_locks.database = (select oid from pg_database where datname = current_database())
          and pid <> pg_backend_pid()`,
    );
    if (row === undefined || row.unknown) return known;
    const { now: clock, first } = row;
    const settledMs = Math.min(now.getTime(), clock.getTime(), first?.getTime() ?? Infinity);
    return new Date(Math.max(known.getTime(), settledMs - MARGIN_MS));
  }

  /**
   * The hours, judged before, to which rows belong that arrived in between, with the hours after them, into which their
   * windows reach. Days that retention lets go of, or has, are nobody's any more.
   */
  async lateHours(
    arrival: { from: Date; to: Date },
    judgedUntil: Date,
    oldest: Date,
  ): Promise<Date[]> {
    const rows = await this.manager.query<{ hour: Date }[]>(
      `select distinct hour from (
         select date_trunc('hour', "timestamp", 'UTC') as began, date_trunc('hour', ${ENDED_AT}, 'UTC') as ended
           from ${LOG}
          where ingested_at >= $1 and ingested_at < $2 and "timestamp" < $3
            and "timestamp" >= greatest($4, coalesce((select slot from ip_tracking.job_run where name = '${RETENTION}'), '-infinity'))
         group by 1, 2) as late, unnest(array[began, ended, ended + interval '1 hour']) as hour
        where hour < $3 and hour >= date_trunc('hour', $4::timestamptz, 'UTC')
        order by hour`,
      [arrival.from, arrival.to, judgedUntil, oldest],
    );
    return rows.map(({ hour }) => hour);
  }

  private async note(name: string, slot: Date): Promise<void> {
    await this.manager.query(
      `insert into ip_tracking.job_run (name, slot) values ($1, $2)
       on conflict (name) do update set slot = greatest(job_run.slot, excluded.slot)`,
      [name, slot],
    );
  }
}
