import type { Database } from '../../database/database.js';
import { workAlone } from '../../database/exclusive-work.js';
import { RETENTION_MARK } from './retention.js';

/** The name in `job_run` under which stands up to which arrival rows have been counted. */
const ROLLUP_MARK = 'request-rollup';
const ROLLUP_LOCK = 7_316_402_523;
/** A row carries the time at which its batch began, so the last moments may still get some. */
const SETTLED_AFTER = `interval '2 minutes'`;
/** The busiest hour of a large log takes its time, and nobody waits for it. */
const STATEMENT_TIMEOUT_MS = 300_000;

interface Window {
  from: Date | string;
  to: Date;
  hours: Date[];
}

/**
 * Counts the request log by the hour into `request_rollup`, which outlives the rows. An hour is counted once it is over,
 * and counted anew, as a whole, when rows of it arrive later; one that retention has begun to drop is left as it is.
 */
export class RequestRollup {
  constructor(
    private readonly database: Database,
    private readonly now: () => number,
  ) {}

  /**
   * Counts the hours that are over and have rows which no run has seen. Safe to repeat, and by several processes at once.
   *
   * @returns how many hours were counted; null where another process is at it.
   */
  async run(): Promise<number | null> {
    const window = await this.alone((query) => this.affected(query));
    if (window === null) return null;
    for (const hour of window.hours) {
      if ((await this.alone((query) => count(query, hour))) === null) return null;
    }
    await this.alone((query) =>
      query(
        `insert into ip_tracking.job_run (name, slot) values ('${ROLLUP_MARK}', $1)
         on conflict (name) do update set slot = greatest(job_run.slot, excluded.slot)`,
        [window.to],
      ),
    );
    return window.hours.length;
  }

  /**
   * Goes back to the hour before the one in which the last run was made: that hour was not over then, and clocks differ.
   * The earlier of this process' clock and PostgreSQL's says which hours are over.
   */
  private async affected(query: Query): Promise<Window> {
    const [bounds] = await query<Omit<Window, 'hours'> & { floor: Date | string }>(
      `select least($1, now()) - ${SETTLED_AFTER} as "to",
              coalesce((select date_trunc('hour', slot, 'UTC') - interval '1 hour'
                          from ip_tracking.job_run where name = '${ROLLUP_MARK}'), '-infinity') as "from",
              coalesce((select slot from ip_tracking.job_run where name = '${RETENTION_MARK}'),
                       '-infinity') as floor`,
      [new Date(this.now())],
    );
    const { from, to, floor } = bounds!;
    const hours = await query<{ hour: Date }>(
      `select distinct date_trunc('hour', "timestamp", 'UTC') as hour
         from ip_tracking.request_log
        where ingested_at >= $1 and ingested_at < $2
          and "timestamp" >= $3 and "timestamp" < date_trunc('hour', $2::timestamptz, 'UTC')
        order by 1`,
      [boundOf(from), to, boundOf(floor)],
    );
    return { from, to, hours: hours.map(({ hour }) => hour) };
  }

  private alone<T>(work: (query: Query) => Promise<T>): Promise<T | null> {
    return workAlone(
      this.database,
      { lock: ROLLUP_LOCK, what: 'counting the hours', statementTimeoutMs: STATEMENT_TIMEOUT_MS },
      (manager) => work((sql, parameters) => manager.query(sql, parameters)),
    );
  }
}

type Query = <Row>(sql: string, parameters: unknown[]) => Promise<Row[]>;

/** pg reads `-infinity` as a number. */
function boundOf(bound: Date | string | number): Date | string {
  return bound instanceof Date ? bound : '-infinity';
}

async function count(query: Query, hour: Date): Promise<true> {
  await query(`delete from ip_tracking.request_rollup where hour = $1`, [hour]);
  await query(
    `insert into ip_tracking.request_rollup (hour, country, outcome, sensitive, requests, addresses)
     select $1, country, outcome, sensitive, sum(1 + repeats), count(distinct ip_address)
       from ip_tracking.request_log
      where "timestamp" >= $1 and "timestamp" < $1::timestamptz + interval '1 hour'
      group by country, outcome, sensitive`,
    [hour],
  );
  return true;
}
