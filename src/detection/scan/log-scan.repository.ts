import { setImmediate } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { bitsOf } from '../../signals/signal.js';
import { compileRules, isLogDetector } from '../detector-rule.js';
import type { Detector, LogDetector, LogFacts, LogQuery, ScanWindow } from '../detector.js';
import { type Finding, findingInLog, findingOf, foundInLog, seenInLog, spelt } from '../finding.js';
import { compileRule } from './compile-scan.js';
import { termsOf } from './detector-terms.js';
import { EVIDENCE_TABLE, isOfEvidence } from './evidence.js';
import { isProxyLike } from './forwarders.js';
import { HourCounts, SUSPECTS_TABLE } from './hour-counts.js';
import { HourTablesRepository, isOfSuspects, type SuspectsPlan } from './hour-tables.repository.js';
import { CLIENT, COUNTED, LOG, shows } from './log-terms.js';

/** So many rows of an answer are in memory at once. */
const AT_ONCE = 2_000;

/** A query's answer, and how it becomes findings. */
interface Hits {
  /** The table that holds it. */
  readonly table: string;
  /** The column that its rows are ordered by. */
  readonly order: string | null;
  readonly toFindings: (rows: Record<string, unknown>[]) => Finding[];
}

/** How a scan is made. */
export interface LogScanSettings extends SuspectsPlan {
  /** What detectors may ask that is in no log. @default nothing is known */
  readonly facts?: LogFacts;
}

/** What a scan saw besides what was found. */
export interface ScannedHour {
  /** Proxies that are not trusted and brought more than half of the requests: nothing is found about them. */
  readonly forwarders: readonly string[];
  /** How many findings that left out. */
  readonly leftOut: number;
}

const NO_FACTS: LogFacts = { coordinatesOf: () => null };

/** Runs detectors over an hour of the log. Everything is counted in the database. */
export class LogScanRepository {
  private readonly tables: HourTablesRepository;

  constructor(
    private readonly manager: EntityManager,
    private readonly settings: LogScanSettings = {},
  ) {
    this.tables = new HourTablesRepository(manager, settings);
  }

  /**
   * Runs detectors over an hour, and hands on what they find, some at a time: however much that is, memory stays as it
   * is. All have been run before the first finding is handed on, so that whoever stores them has no row locked while
   * the log is read. To be called in a transaction.
   */
  async run(
    detectors: readonly (Detector | LogDetector)[],
    window: ScanWindow,
    onFindings: (findings: Finding[]) => Promise<void>,
  ): Promise<ScannedHour> {
    const { tables } = this;
    const { facts = NO_FACTS } = this.settings;
    const resolved = await this.resolvedDetectors();
    const logDetectors = detectors.filter(isLogDetector);
    const rules = compileRules(
      detectors.filter(
        (detector): detector is Detector => !isLogDetector(detector) && detector.runs !== 'watch',
      ),
    );
    const counts = new HourCounts(rules.filter(isOfSuspects), logDetectors, window);
    const asked = logDetectors.map((detector) => ({
      detector,
      query: detector.query(window, termsOf(detector, counts, window)),
    }));
    await tables.make({ rules, detectors: logDetectors, counts, window }, (table) =>
      asked.some(({ query }) => query.sql.includes(table)),
    );
    const found: Hits[] = [];
    // A rule has many conditions, of which PostgreSQL takes each for rare: it would go through all rows for each row.
    await tables.set('enable_nestloop', 'off');
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
    await tables.set('enable_nestloop', 'on');
    for (const { detector, query } of asked) {
      const kept = async (): Promise<string> => this.keep(query, found.length);
      const table = detector.evidence === undefined ? await kept() : await tables.byEvidence(kept);
      const toFindings = (rows: Record<string, unknown>[]): Finding[] =>
        detector.judge(rows, window, facts).map((one) => findingInLog(detector, one));
      found.push({ table, order: null, toFindings });
    }
    const forwarders = (await tables.forwarders(window)).filter(isProxyLike);
    await tables.drop();
    let leftOut = 0;
    for (const hits of found) {
      await this.each(hits, async (findings) => {
        const kept = findings.filter(
          ({ subjectKind, subject }) => subjectKind !== 'client' || !forwarders.includes(subject),
        );
        leftOut += findings.length - kept.length;
        if (kept.length > 0) await onFindings(kept);
      });
    }
    return { forwarders, leftOut };
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
    await this.tables.drop(table);
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
