import { EVIDENCE } from '../../signals/signal.js';
import type { CompiledRule } from '../detector-rule.js';
import type { LogQuery, ScanWindow, SubjectKind } from '../detector.js';
import { CLIENT, COUNTED, ENDED_AT, LOG, matching, quoted, shows } from './log-terms.js';

const SUBJECTS: Record<SubjectKind, string> = { client: CLIENT, user: 'user_id', route: 'route' };
const VALUES = { path: 'path', user: 'coalesce(attempted_user, user_id)', client: CLIENT } as const;

/**
 * A request that lasted longer than this is seen by the watch alone: the log is read by when requests began. Where nearly
 * all rows count it is less, or twice as many would be read for the few that last.
 */
const LONGEST_REQUEST_MS = 3_600_000;
export const LONGEST_OF_MANY_MS = 60_000;

/** Rows that are kept of a subject at most, to show people some of them. */
const SHOWN = 200;
/** Of these as many are read for their paths and user agents. */
const EXAMPLES = 50;

/** An interval, in PostgreSQL's words. */
function interval(us: number): string {
  return `interval '${us} microseconds'`;
}

/** What a rule is run over. */
export interface RuleSource {
  /** Whether findings of the detector were resolved: what was before does not bring them back. @default false */
  readonly hasResolved?: boolean;
  /** The table, or what was copied from it. @default the log */
  readonly table?: string;
}

/** What each step hands on of a row. */
const COLUMNS =
  'subject, at, value, attempted, client, address, path, method, user_agent, signals, counts';

/**
 * A rule as one statement over the log: which subjects have reached the threshold in a window that ends within the hour,
 * with the highest count and some of the requests. Reads the log back as far as such a window may begin.
 *
 * The statement is set-based: each step is one pass, sorted by subject and time, whatever the traffic.
 */
export function compileRule(
  compiled: CompiledRule,
  window: ScanWindow,
  { hasResolved = false, table = LOG }: RuleSource = {},
): LogQuery {
  const { rule, windowUs } = compiled;
  const { hitFrom, hitTo, readFrom, beganFrom } = reachOf(compiled, window);
  const steps = new Steps(`select * from (${readRows(compiled, hasResolved, table)}) as seen`);
  takeBack(steps, compiled);
  leaveBrokenLinks(steps, compiled);
  if (rule.distinct === undefined) {
    steps.add(
      (rows) =>
        `select *, count(*) over w as n, first_value(at) over w as since from ${rows} where counts
         window w as (partition by subject order by at range between ${interval(windowUs)} preceding and current row)`,
    );
  } else {
    countDistinct(steps, 'subject', 'value', windowUs);
  }
  const isHit = `n >= ${rule.atLeast} and at >= $1 and at < $2`;
  // By windows and not by a join: nobody has told PostgreSQL how many there will be, and it takes a few for granted.
  steps.add(
    (rows) =>
      `select *, max(n) filter (where ${isHit}) over of_subject as most, min(since) filter (where ${isHit}) over of_subject as first_seen,
              max(at) filter (where ${isHit}) over of_subject as last_seen from ${rows} window of_subject as (partition by subject)`,
  );
  steps.add(
    (rows) =>
      `select *, row_number() over (partition by subject order by at) as place
         from ${rows} where most is not null and at between first_seen and last_seen`,
  );
  const sql = `with ${steps.toString()} ${show(steps.last)}`;
  return { sql, values: [hitFrom, hitTo, readFrom, window.to, beganFrom] };
}

/** From where to where a rule reads the log for an hour. */
export function reachOf(
  compiled: CompiledRule,
  { from, to }: ScanWindow,
): { hitFrom: Date; hitTo: Date; readFrom: Date; beganFrom: Date } {
  const { rule, windowUs, withinUs } = compiled;
  // What can be taken back is decided late: this hour decides requests that are older by so much.
  const hitFrom = new Date(from.getTime() - withinUs / 1_000);
  const hitTo = new Date(to.getTime() - withinUs / 1_000);
  const windows = rule.unlessMissedBy === undefined ? 1 : 2;
  const readFrom = new Date(hitFrom.getTime() - (windows * windowUs + withinUs) / 1_000);
  const longestMs = isBroad(compiled) ? LONGEST_OF_MANY_MS : LONGEST_REQUEST_MS;
  return { hitFrom, hitTo, readFrom, beganFrom: new Date(readFrom.getTime() - longestMs) };
}

/** What is handed over of each subject, with some of its requests. */
function show(rows: string): string {
  return `
    select subject, most::float8 as count, first_seen as "firstSeen", last_seen as "lastSeen",
           bit_or(signals)::float8 as signals, bit_and(signals)::float8 as "commonSignals",
           array_agg(path order by place) filter (where place <= ${EXAMPLES}) as paths,
           array_agg(user_agent order by place) filter (where place <= ${EXAMPLES} and user_agent is not null) as agents,
           array_agg(distinct method) as methods, (array_agg(host(address) order by place))[1] as address, array_agg(distinct client) as clients
      from ${rows} where place <= ${SHOWN} group by subject, most, first_seen, last_seen`;
}

/** Steps of a statement, each of which reads the one before it. */
class Steps {
  private readonly steps: string[];

  constructor(first: string) {
    this.steps = [`step0 as (${first})`];
  }

  get last(): string {
    return `step${this.steps.length - 1}`;
  }

  add(step: (rows: string) => string): void {
    this.steps.push(`step${this.steps.length} as (${step(this.last)})`);
  }

  toString(): string {
    return this.steps.join(',\n');
  }
}

/** The rows that count, and those that take others back. */
function readRows(compiled: CompiledRule, hasResolved: boolean, table: string): string {
  const { detector, rule } = compiled;
  const subject = SUBJECTS[detector.of];
  const value = rule.distinct === undefined ? null : VALUES[rule.distinct];
  const counts = countedBy(compiled);
  const takesBack = takenBackBy(compiled);
  const inTime = `"timestamp" >= $5 and "timestamp" < $4 and ${COUNTED}`;
  const conditions = [
    inTime,
    takesBack === null ? counts : `((${counts}) or (${takesBack}))`,
    `${subject} is not null`,
    `${ENDED_AT} >= $3 and ${ENDED_AT} < $4`,
  ];
  if (rule.atLeast > 1) {
    // Whoever has not sent so many in all has not within any window: most are left out before anything is sorted.
    const suspects = `select ${subject} from ${table} where ${inTime} and ${counts} group by 1 having count(*) >= ${rule.atLeast}`;
    conditions.push(
      rule.unlessMissedBy === undefined
        ? `${subject} in (${suspects})`
        : // Of their paths it matters who else has asked for them.
          `path in (select path from ${table} where ${inTime} and ${counts} and ${subject} in (${suspects}))`,
    );
  }
  if (hasResolved) {
    conditions.push(
      `not exists (select from ip_tracking.suspicious_ip as known
                    where known.detector = ${quoted(detector.name)} and known.subject_kind = '${detector.of}'
                      and known.subject = ${subjectText(detector.of)} and known.resolved_at >= ${ENDED_AT})`,
    );
  }
  return `
    select ${subject} as subject, ${ENDED_AT} as at, ${value ?? 'null::text'} as value,
           coalesce(attempted_user, user_id) as attempted, ${CLIENT} as client, ip_address as address, path, method,
           left(user_agent, 200) as user_agent, coalesce(signals, 0) as signals,
           coalesce(${counts}, false) as counts, ${takesBack === null ? 'false' : `coalesce(${takesBack}, false)`} as takes_back
      from ${table}
     where ${conditions.join(' and ')}`;
}

/** A subject as findings have it. */
function subjectText(kind: SubjectKind): string {
  if (kind !== 'client') return SUBJECTS[kind];
  return `case family(ip_address) when 4 then host(ip_address) else network(set_masklen(ip_address, 64))::text end`;
}

/** Without signals that speak against somebody nearly all rows may count. */
function isBroad({ any }: CompiledRule): boolean {
  return any === null || (any & ~EVIDENCE) !== 0;
}

/** That a row counts for a rule. */
export function countedBy({ rule }: CompiledRule): string {
  const condition = matching(rule.counts);
  return rule.distinct === undefined
    ? condition
    : `${condition} and ${VALUES[rule.distinct]} is not null`;
}

/** That a row takes others back that have counted for a rule; null where none does. */
export function takenBackBy({ without }: CompiledRule): string | null {
  return without === 0 ? null : shows(without);
}

/** Leaves out what was taken back in its time. */
function takeBack(steps: Steps, { rule, withinUs }: CompiledRule): void {
  if (rule.without === undefined) return;
  const within = interval(withinUs);
  if (rule.without.of === 'user') {
    steps.add(
      (rows) =>
        `select *, min(at) filter (where takes_back) over (partition by subject, attempted order by at desc
                     range between unbounded preceding and interval '1 microsecond' preceding) as success from ${rows}`,
    );
    steps.add(
      (rows) => `select ${COLUMNS} from ${rows} where counts
                    and (attempted is null or success is null or success > at + ${within})`,
    );
    return;
  }
  steps.add(
    (rows) =>
      `select *, count(*) filter (where takes_back) over (partition by subject order by at
                   range between ${within} preceding and ${within} following) as others from ${rows}`,
  );
  steps.add((rows) => `select ${COLUMNS} from ${rows} where counts and others = 0`);
}

/** Leaves out paths that so many other clients have asked for within the window. */
function leaveBrokenLinks(steps: Steps, { rule, windowUs }: CompiledRule): void {
  if (rule.unlessMissedBy === undefined) return;
  countDistinct(steps, 'path', 'client', windowUs);
  steps.add((rows) => `select ${COLUMNS} from ${rows} where n <= ${rule.unlessMissedBy}`);
}

/**
 * Gives each row how many different values there are in the window that ends with it: one more where a value comes that
 * was not there, one less where the window has passed after it was there last.
 */
function countDistinct(steps: Steps, of: string, value: string, windowUs: number): void {
  const window = interval(windowUs);
  steps.add(
    (rows) =>
      `select *, lag(at) over v as before, lead(at) over v as next,
              first_value(at) over (partition by ${of} order by at range between ${window} preceding and current row) as since
         from ${rows} where counts window v as (partition by ${of}, ${value} order by at)`,
  );
  steps.add(
    (rows) =>
      `select ${COLUMNS}, since, case when before >= at - ${window} then 0 else 1 end as step from ${rows}
       union all
       select ${COLUMNS.replace(', at,', `, at + ${window},`)}, null, -1 from ${rows}
        where next is null or next > at + ${window}`,
  );
  steps.add(
    (rows) =>
      `select *, sum(step) over (partition by ${of} order by at, step desc rows unbounded preceding) as n from ${rows}`,
  );
  steps.add((rows) => `select ${COLUMNS}, since, n from ${rows} where step >= 0`);
}
