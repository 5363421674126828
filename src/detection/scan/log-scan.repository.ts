import { setImmediate } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { bitsOf } from '../../signals/signal.js';
import { compileRules, isLogDetector, type CompiledRule } from '../detector-rule.js';
import type { Detector, LogDetector, LogQuery, LogTerms, ScanWindow } from '../detector.js';
import { type Finding, findingInLog, findingOf, foundInLog, seenInLog, spelt } from '../finding.js';
import { compileRule, reachOf } from './compile-scan.js';
import { copyEvidence, copyWhatTakesBack, EVIDENCE_TABLE, isOfEvidence } from './evidence.js';
import { HOUR_TABLE, HourCounts, SUSPECTS_TABLE } from './hour-counts.js';
import { CLIENT, COUNTED, ENDED_AT, isOfClient, LOG, moment, shows } from './log-terms.js';

/** So many rows of an answer are in memory at once. */
const AT_ONCE = 2_000;
/** For sorting and counting: PostgreSQL's usual 4 MB would have it write all of an hour to disk, twice. */
const WORK_MEM = '64MB';
/** For counting by client: a million of them take this much, and as much again in each process that helps. */
const COUNTING_MEM = '128MB';
/** When suspects are dealt with in which way; whatever it says, the same is found. */
export interface SuspectsPlan {
  /** Up to this part of the hour's rows suspects are looked up one by one; beyond it all rows are read. @default 0.05 */
  readonly lookedUp?: number;
  /** From so many rows of suspects on those are let go who are too slow, before any are copied. @default 100000 */
  readonly manyRows?: number;
}

/** A query's answer, and how it becomes findings. */
interface Hits {
  /** The table that holds it. */
  readonly table: string;
  /** The column that its rows are ordered by. */
  readonly order: string | null;
  readonly toFindings: (rows: Record<string, unknown>[]) => Finding[];
}

/** Runs detectors over an hour of the log. Everything is counted in the database. */
export class LogScanRepository {
  constructor(
    private readonly manager: EntityManager,
    private readonly plan: SuspectsPlan = {},
  ) {}

  /**
   * Runs detectors over an hour, and hands on what they find, some at a time: however much that is, memory stays as it
   * is. All have been run before the first finding is handed on, so that whoever stores them has no row locked while
   * the log is read. To be called in a transaction.
   */
  async run(
    detectors: readonly (Detector | LogDetector)[],
    window: ScanWindow,
    onFindings: (findings: Finding[]) => Promise<void>,
  ): Promise<void> {
    await this.set('work_mem', WORK_MEM);
    const resolved = await this.resolvedDetectors();
    const logDetectors = detectors.filter(isLogDetector);
    const rules = compileRules(
      detectors.filter(
        (detector): detector is Detector => !isLogDetector(detector) && detector.runs !== 'watch',
      ),
    );
    const ofEvidence = rules.filter(isOfEvidence);
    const ofSuspects = rules.filter(isOfSuspects);
    const counts = new HourCounts(ofSuspects, logDetectors, window);
    const asked = logDetectors.map((detector) => ({
      detector,
      query: detector.query(window, termsOf(detector, counts, window)),
    }));
    const isRead = (table: string): boolean => asked.some(({ query }) => query.sql.includes(table));
    if (ofEvidence.length > 0 || isRead(EVIDENCE_TABLE)) {
      await this.copyEvidence(ofEvidence, logDetectors, window);
    }
    const readsSuspects = ofSuspects.length > 0 || isRead(SUSPECTS_TABLE);
    if (readsSuspects || isRead(HOUR_TABLE)) await this.countHour(counts);
    if (readsSuspects) await this.copySuspects(counts);

    const found: Hits[] = [];
    // A rule has many conditions, of which PostgreSQL takes each for rare: it would go through all rows for each row.
    await this.set('enable_nestloop', 'off');
    for (const compiled of rules) {
      const { detector, index } = compiled;
      const query = compileRule(compiled, window, {
        hasResolved: resolved.has(detector.name),
        ...(isOfEvidence(compiled) ? { table: EVIDENCE_TABLE } : {}),
        ...(isOfSuspects(compiled) ? { table: SUSPECTS_TABLE } : {}),
      });
      const toFindings = (rows: Record<string, unknown>[]): Finding[] =>
        rows.map((row) =>
          findingOf(detector, String(row['subject']), foundInLog(index, row), seenInLog(row)),
        );
      found.push({ table: await this.keep(query, found.length), order: 'subject', toFindings });
    }
    await this.set('enable_nestloop', 'on');
    for (const { detector, query } of asked) {
      const isForced = detector.evidence !== undefined && (await this.hasEvidenceIndex());
      if (isForced) await this.setScans('off');
      const table = await this.keep(query, found.length);
      if (isForced) await this.setScans('on');
      const toFindings = (rows: Record<string, unknown>[]): Finding[] =>
        detector.judge(rows, window).map((one) => findingInLog(detector, one));
      found.push({ table, order: null, toFindings });
    }
    await this.drop(EVIDENCE_TABLE, HOUR_TABLE, SUSPECTS_TABLE);
    for (const hits of found) await this.each(hits, onFindings);
  }

  /** When the first request of the log came; null where there is none. */
  async firstRequest(): Promise<Date | null> {
    const [row] = await this.manager.query<{ first: Date | null }[]>(
      `select min("timestamp") as first from ${LOG}`,
    );
    return row?.first ?? null;
  }

  /** Which of some clients somebody has signed in from, or used signed in, within a time. */
  async signedIn(clients: readonly string[], { from, to }: ScanWindow): Promise<Set<string>> {
    const rows = await this.manager.query<{ client: string }[]>(
      `select distinct text(${CLIENT}) as client from ${LOG}
        where "timestamp" >= $1 and "timestamp" < $2 and ${COUNTED}
          and (user_id is not null or ${shows(bitsOf(['auth-success']))}) and ${CLIENT} = any($3::inet[])`,
      [from, to, clients],
    );
    return new Set(rows.map((row) => spelt('client', row.client)));
  }

  /**
   * Reads what speaks against clients once. PostgreSQL takes any comparison of bits to be true of nearly all rows, and
   * would read all of them; the index has the few, where it is there.
   */
  private async copyEvidence(
    rules: readonly CompiledRule[],
    detectors: readonly LogDetector[],
    window: ScanWindow,
  ): Promise<void> {
    const bits = rules.reduce(
      (sum, { any }) => sum | (any ?? 0),
      bitsOf(detectors.flatMap(({ evidence = [] }) => evidence)),
    );
    const fromMs = Math.min(
      window.from.getTime(),
      ...rules.map((rule) => reachOf(rule, window).beganFrom.getTime()),
    );
    const isForced = await this.hasEvidenceIndex();
    if (isForced) await this.setScans('off');
    await this.ask(copyEvidence(bits, new Date(fromMs), window.to));
    if (isForced) await this.setScans('on');
    for (const compiled of rules) {
      if (compiled.without !== 0) await this.ask(copyWhatTakesBack(compiled, window));
    }
    await this.manager.query(`analyze ${EVIDENCE_TABLE}`);
  }

  /** Counts the hour's requests by client, once for all. */
  private async countHour(counts: HourCounts): Promise<void> {
    await this.set('work_mem', COUNTING_MEM);
    // PostgreSQL does not know how few clients there are, and would sort all rows, or leave the other processors idle.
    const settings = ['parallel_setup_cost', 'parallel_tuple_cost'];
    const [before] = await this.manager.query<{ values: string[] }[]>(
      `select array(select current_setting(name) from unnest($1::text[]) with ordinality as setting(name, place) order by place) as values`,
      [settings],
    );
    for (const name of settings) await this.set(name, '0');
    await this.set('enable_sort', 'off');
    await this.ask(counts.count());
    await this.set('enable_sort', 'on');
    for (const [at, name] of settings.entries()) await this.set(name, before!.values[at]!);
    await this.set('work_mem', WORK_MEM);
    await this.manager.query(`analyze ${HOUR_TABLE}`);
  }

  /** Copies what is read of those who have sent enough. */
  private async copySuspects(counts: HourCounts): Promise<void> {
    const { manyRows = 100_000 } = this.plan;
    const size = await this.sizeOf(counts);
    const areMany = size.rows >= manyRows;
    if (areMany) {
      for (const query of counts.clearSlow(await this.among(counts, size))) await this.ask(query);
    }
    const left = areMany ? await this.sizeOf(counts) : size;
    await this.ask(counts.copyRows(await this.among(counts, left)));
    await this.manager.query(`analyze ${SUSPECTS_TABLE}`);
  }

  private async sizeOf(counts: HourCounts): Promise<HourSize> {
    const [size] = await this.manager.query<HourSize[]>(counts.size());
    return size!;
  }

  private async among(counts: HourCounts, { rows, ofRows }: HourSize): Promise<string[] | null> {
    if (rows <= ofRows * (this.plan.lookedUp ?? 0.05)) return null;
    const clients = await this.manager.query<{ client: string }[]>(counts.suspects());
    return clients.map(({ client }) => client);
  }

  private async hasEvidenceIndex(): Promise<boolean> {
    const [index] = await this.manager.query<{ isWhole: boolean }[]>(
      `select indisvalid as "isWhole" from pg_index where indexrelid = to_regclass('ip_tracking.request_log_evidence')`,
    );
    return index?.isWhole === true;
  }

  private async setScans(value: 'on' | 'off'): Promise<void> {
    await this.set('enable_seqscan', value);
    await this.set('enable_bitmapscan', value);
  }

  private async set(name: string, value: string): Promise<void> {
    await this.manager.query(`select set_config($1, $2, true)`, [name, value]);
  }

  private async ask({ sql, values }: LogQuery): Promise<void> {
    await this.manager.query(sql, [...values]);
  }

  private async drop(...tables: string[]): Promise<void> {
    await this.manager.query(`drop table if exists ${tables.join(', ')}`);
  }

  private async resolvedDetectors(): Promise<Set<string>> {
    const rows = await this.manager.query<{ detector: string }[]>(
      `select distinct detector from ip_tracking.suspicious_ip where resolved_at is not null`,
    );
    return new Set(rows.map(({ detector }) => detector));
  }

  /**
   * Keeps an answer in a table of the session's own: PostgreSQL runs a cursor with one process only, and a plain answer
   * would be in memory as a whole.
   */
  private async keep({ sql, values }: LogQuery, place: number): Promise<string> {
    const name = `ip_tracking_hit_${place}`;
    await this.manager.query(`create temporary table ${name} on commit drop as ${sql}`, [
      ...values,
    ]);
    return `pg_temp.${name}`;
  }

  /**
   * Hands on an answer, in an order where there is one: whoever else stores findings locks them in the same. The next
   * rows are made into findings while PostgreSQL stores those before them.
   */
  private async each(
    { table, order, toFindings }: Hits,
    work: (findings: Finding[]) => Promise<void>,
  ): Promise<void> {
    await this.manager.query(
      `declare ip_tracking_hits no scroll cursor for select * from ${table}${order === null ? '' : ` order by ${order}`}`,
    );
    let rows = await this.fetch();
    let findings = toFindings(rows);
    while (rows.length > 0) {
      const next = rows.length < AT_ONCE ? [] : await this.fetch();
      const working = findings.length > 0 ? work(findings) : Promise.resolve();
      const [made] = await Promise.all([madeMeanwhile(() => toFindings(next)), working]);
      findings = made;
      rows = next;
    }
    await this.manager.query('close ip_tracking_hits');
    await this.drop(table);
  }

  private fetch(): Promise<Record<string, unknown>[]> {
    return this.manager.query<Record<string, unknown>[]>(`fetch ${AT_ONCE} from ip_tracking_hits`);
  }
}

/** Once what is under way has been sent. */
async function madeMeanwhile<T>(make: () => T): Promise<T> {
  await setImmediate();
  return make();
}

/** How many there are of whom something is read, how many rows of theirs at most, and of all. */
interface HourSize {
  suspects: number;
  rows: number;
  ofRows: number;
}

/** Whether a rule counts what many rows have, client by client: then only those who have enough of them are looked at. */
function isOfSuspects(compiled: CompiledRule): boolean {
  const { detector, rule } = compiled;
  return detector.of === 'client' && rule.unlessMissedBy === undefined && !isOfEvidence(compiled);
}

function termsOf(detector: LogDetector, counts: HourCounts, { from, to }: ScanWindow): LogTerms {
  return {
    log: LOG,
    counted: COUNTED,
    client: CLIENT,
    endedAt: ENDED_AT,
    shows: (...names) => shows(bitsOf(names)),
    isOf: isOfClient,
    suspects: counts.suspectsOf(detector),
    requests: counts.rowsOfSuspects(detector),
    evidence: `(select * from ${EVIDENCE_TABLE} where "timestamp" >= ${moment(from)} and "timestamp" < ${moment(to)}
                   and ${shows(bitsOf(detector.evidence ?? []))})`,
    population: `(select requests, clients from ${HOUR_TABLE} where client is null)`,
  };
}
