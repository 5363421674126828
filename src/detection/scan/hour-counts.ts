import type { CompiledRule } from '../detector-rule.js';
import type { LogDetector, LogQuery, ScanWindow } from '../detector.js';
import { countedBy, LONGEST_OF_MANY_MS, reachOf, takenBackBy } from './compile-scan.js';
import {
  CLIENT,
  COUNTED,
  ENDED_AT,
  eachByIndex,
  LOG,
  LOG_COLUMNS,
  matching,
  moment,
} from './log-terms.js';

/** How often each client has done what makes a suspect of it; who has done it too rarely is not in it. */
export const HOUR_TABLE = 'pg_temp.ip_tracking_hour';
/** Of the suspects what their detectors read. */
export const SUSPECTS_TABLE = 'pg_temp.ip_tracking_suspect';

/** A window that fits so often into what is read is looked for piece by piece before rows are copied. */
const MANY_PIECES = 10;

/** Who is suspected by one rule or detector, and what is read of them. */
interface Suspicion {
  readonly owner: CompiledRule | LogDetector;
  /** The column of {@link HOUR_TABLE}. */
  readonly column: string;
  readonly atLeast: number;
  readonly condition: string;
  /** What is read of a suspect; null for nothing. */
  readonly rows: string | null;
  /** From when on requests are counted, and from when on they are read. */
  readonly from: Date;
  readonly rowsFrom: Date;
}

/**
 * One pass over the hour's rows for all rules and detectors that count what nearly all rows have: it counts for each
 * client how often it has done what each of them asks for, which bounds what can be found in any window from above. Only
 * who reaches a threshold is looked at closely.
 */
export class HourCounts {
  private readonly suspicions: Suspicion[] = [];
  /** Its condition by the name of each column. */
  private readonly columns = new Map<string, string>();
  private readonly from: Date;
  /** That a row is of the hour. */
  private readonly all: string;

  constructor(
    rules: readonly CompiledRule[],
    detectors: readonly LogDetector[],
    private readonly window: ScanWindow,
  ) {
    const { from } = window;
    this.all = since(from, 'true');
    for (const compiled of rules) {
      const { beganFrom } = reachOf(compiled, window);
      const counts = countedBy(compiled);
      const takesBack = takenBackBy(compiled);
      this.suspect(compiled, compiled.rule.atLeast, {
        condition: since(beganFrom, counts),
        rows: since(beganFrom, takesBack === null ? counts : `((${counts}) or (${takesBack}))`),
        from: beganFrom,
        rowsFrom: beganFrom,
      });
    }
    for (const detector of detectors) {
      const { suspects } = detector;
      if (suspects === undefined) continue;
      const isByEnd = suspects.by === 'end';
      const countFrom = isByEnd ? new Date(from.getTime() - LONGEST_OF_MANY_MS) : from;
      const rowsFrom = new Date(from.getTime() - (suspects.beforeMs ?? 0));
      const ended = isByEnd
        ? ` and ${ENDED_AT} >= ${moment(from)} and ${ENDED_AT} < ${moment(window.to)}`
        : '';
      this.suspect(detector, suspects.atLeast, {
        condition: since(countFrom, `${matching(suspects.counts)}${ended}`),
        rows: suspects.requests === undefined ? null : since(rowsFrom, matching(suspects.requests)),
        from: countFrom,
        rowsFrom,
      });
    }
    this.from = new Date(
      Math.min(from.getTime(), ...this.suspicions.map((one) => one.from.getTime())),
    );
  }

  /**
   * Counts for all. Rows with a client are the suspects, and those without say how many clients there are that have sent
   * so many requests within the hour.
   */
  count(): LogQuery {
    const columns = [...this.columns];
    const names = columns.map(([name]) => name);
    const suspected = this.suspicions.map(({ column, atLeast }) => `${column} >= ${atLeast}`);
    return {
      sql: `create temporary table ip_tracking_hour on commit drop as
            with counted as materialized (
              select ${CLIENT} as client, count(*) filter (where ${this.all}) as ${ALL}, count(user_id) > 0 as has_users${columns
                .map(([name, condition]) => `,\n count(*) filter (where ${condition}) as ${name}`)
                .join('')}
                from ${LOG} where "timestamp" >= $1 and "timestamp" < $2 and ${COUNTED} and ip_address is not null
               group by 1)
            select client, requests, null::bigint as clients, has_users${names.map((name) => `, ${name}`).join('')}
              from counted where ${suspected.join(' or ') || 'false'}
            union all
            select null, requests, count(*), bool_or(has_users)${names.map(() => ', 0').join('')}
              from counted where requests > 0 group by requests`,
      values: [this.from, this.window.to],
    };
  }

  /** How many suspects there are of whom something is read, and how much at most, of how much in all. */
  size(): string {
    const reading = this.suspicions.filter(({ rows }) => rows !== null);
    const some = reading.map(isSuspected).join(' or ');
    const times = reading.map(
      (one) => `case when ${isSuspected(one)} then ${one.column} else 0 end`,
    );
    return `select count(*) filter (where client is not null and (${some}))::integer as suspects,
                   coalesce(sum(${times.join(' + ')}) filter (where client is not null), 0)::float8 as rows,
                   coalesce(sum(requests * clients), 0)::float8 as "ofRows"
              from ${HOUR_TABLE}`;
  }

  /** The clients of whom something is read. */
  suspects(): string {
    const reading = this.suspicions.filter(({ rows }) => rows !== null);
    return `select client from ${HOUR_TABLE}
             where client is not null and (${reading.map(isSuspected).join(' or ')})`;
  }

  /**
   * Takes back the suspicion against those who are too slow for a short window: of such a window one half at least is in
   * one piece of its length.
   *
   * @param among as {@link copyRows}.
   */
  clearSlow(among: readonly string[] | null): LogQuery[] {
    return this.suspicions.flatMap((suspicion): LogQuery[] => {
      const { owner, column, atLeast, condition } = suspicion;
      if (!('rule' in owner) || owner.rule.atLeast < 4) return [];
      const readMs = this.window.to.getTime() - this.from.getTime();
      if (owner.rule.windowMs * MANY_PIECES > readMs) return [];
      const piece = `date_bin(interval '${owner.windowUs} microseconds', ${ENDED_AT}, timestamptz '2000-01-01T00:00:00Z')`;
      const rows = this.rowsOf(isSuspected(suspicion), condition, among);
      return [
        {
          sql: `create temporary table ip_tracking_quick on commit drop as
                select distinct client from (
                  select ${CLIENT} as client ${rows.sql} group by 1, ${piece}
                  having count(*) >= ${Math.ceil(atLeast / 2)}) as piece`,
          values: rows.values,
        },
        {
          sql: `update ${HOUR_TABLE} set ${column} = 0 where client is not null and ${isSuspected(suspicion)}
                  and client not in (select client from pg_temp.ip_tracking_quick)`,
          values: [],
        },
        { sql: 'drop table pg_temp.ip_tracking_quick', values: [] },
      ];
    });
  }

  /**
   * Copies what is read of the suspects.
   *
   * @param among the suspects, where there are so many that all rows are read; null where they are looked up by the
   * index of addresses.
   */
  copyRows(among: readonly string[] | null): LogQuery {
    const reading = this.suspicions.filter(({ rows }) => rows !== null);
    const columns = LOG_COLUMNS.map((column) => `log.${column}`).join(', ');
    const wanted =
      among === null
        ? reading.map((one) => `(${isSuspected(one)} and ${one.rows})`)
        : reading.map(({ rows }) => `(${rows})`);
    const rows = this.rowsOf(reading.map(isSuspected).join(' or '), wanted.join(' or '), among);
    return {
      sql: `create temporary table ip_tracking_suspect on commit drop as select ${columns} ${rows.sql}`,
      values: rows.values,
    };
  }

  /** The suspects of a detector, as `client` and `times`. */
  suspectsOf(owner: LogDetector): string {
    const suspicion = this.suspicions.find((one) => one.owner === owner);
    if (suspicion === undefined) return NOBODY;
    return `(select client, ${suspicion.column} as times from ${HOUR_TABLE}
              where client is not null and ${isSuspected(suspicion)})`;
  }

  /** What a detector reads of its suspects. */
  rowsOfSuspects(owner: LogDetector): string {
    const suspicion = this.suspicions.find((one) => one.owner === owner);
    if (suspicion === undefined || suspicion.rows === null) return NOTHING;
    return `(select * from ${SUSPECTS_TABLE}
              where ${suspicion.rows} and ${CLIENT} in (select client from ${this.suspectsOf(owner)} as suspect))`;
  }

  private suspect(
    owner: CompiledRule | LogDetector,
    atLeast: number,
    what: Pick<Suspicion, 'condition' | 'rows' | 'from' | 'rowsFrom'>,
  ): void {
    // What counts everything is counted anyway.
    const isAll = what.condition === this.all;
    const column = isAll ? ALL : `times${this.columns.size}`;
    if (!isAll) this.columns.set(column, what.condition);
    this.suspicions.push({ owner, column, atLeast, ...what });
  }

  private rowsOf(suspected: string, wanted: string, among: readonly string[] | null): LogQuery {
    const from = new Date(
      Math.min(...this.suspicions.flatMap((one) => [one.from.getTime(), one.rowsFrom.getTime()])),
    );
    const inTime = `"timestamp" >= $1 and "timestamp" < $2 and ${COUNTED}`;
    if (among !== null) {
      return {
        sql: `from ${LOG} as log where ${inTime} and (${wanted}) and ${CLIENT} = any($3::inet[])`,
        values: [from, this.window.to, among],
      };
    }
    return {
      sql: `from ${HOUR_TABLE} as suspect,
                 lateral (${eachByIndex(inTime, 'suspect.client')}) as log
           where suspect.client is not null and (${suspected}) and (${wanted})`,
      values: [from, this.window.to],
    };
  }
}

/** The column of how often each client has sent anything at all within the hour. */
const ALL = 'requests';
/** For who suspects nobody. */
const NOBODY = '(select null::inet as client, null::bigint as times where false)';
const NOTHING = `(select * from ${LOG} where false)`;

function isSuspected({ column, atLeast }: Suspicion): string {
  return `${column} >= ${atLeast}`;
}

function since(from: Date, condition: string): string {
  const isTimely = `"timestamp" >= ${moment(from)}`;
  return condition === 'true' ? isTimely : `${isTimely} and ${condition}`;
}
