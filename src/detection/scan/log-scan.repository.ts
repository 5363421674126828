import type { EntityManager } from 'typeorm';
import { compileRules, isLogDetector, type CompiledRule } from '../detector-rule.js';
import type { Detector, LogDetector, LogQuery, ScanWindow } from '../detector.js';
import { type Finding, findingInLog, findingOf, foundInLog, spelt } from '../finding.js';
import { compileRule, LOG_TERMS } from './compile-scan.js';
import { copyEvidence, copyWhatTakesBack, EVIDENCE_TABLE, isOfEvidence } from './evidence.js';

/** So many rows of an answer are in memory at once. */
const AT_ONCE = 1_000;
/** For sorting and counting: PostgreSQL's usual 4 MB would have it write all of an hour to disk, twice. */
const WORK_MEM = '64MB';

/** Runs detectors over an hour of the log. Everything is counted in the database. */
export class LogScanRepository {
  constructor(private readonly manager: EntityManager) {}

  /**
   * Runs each detector over an hour, and hands on what it finds, some at a time: however much that is, memory stays as it
   * is. To be called in a transaction.
   */
  async run(
    detectors: readonly (Detector | LogDetector)[],
    window: ScanWindow,
    onFindings: (findings: Finding[]) => Promise<void>,
  ): Promise<void> {
    await this.set('work_mem', WORK_MEM);
    const resolved = await this.resolvedDetectors();
    const rules = compileRules(
      detectors.filter(
        (detector): detector is Detector => !isLogDetector(detector) && detector.runs !== 'watch',
      ),
    );
    const ofEvidence = rules.filter(isOfEvidence);
    if (ofEvidence.length > 0) await this.copy(ofEvidence, window);
    for (const compiled of rules) {
      const { detector, index } = compiled;
      const query = compileRule(compiled, window, {
        hasResolved: resolved.has(detector.name),
        ...(isOfEvidence(compiled) ? { table: `pg_temp.${EVIDENCE_TABLE}` } : {}),
      });
      await this.each(query, (rows) =>
        onFindings(
          rows.map((row) => findingOf(detector, String(row['subject']), foundInLog(index, row))),
        ),
      );
    }
    if (ofEvidence.length > 0) await this.manager.query(`drop table pg_temp.${EVIDENCE_TABLE}`);
    for (const detector of detectors) {
      if (!isLogDetector(detector)) continue;
      await this.each(detector.query(window, LOG_TERMS), (rows) =>
        onFindings(detector.judge(rows, window).map((found) => findingInLog(detector, found))),
      );
    }
  }

  /** When the first request of the log came; null where there is none. */
  async firstRequest(): Promise<Date | null> {
    const [row] = await this.manager.query<{ first: Date | null }[]>(
      `select min("timestamp") as first from ${LOG_TERMS.log}`,
    );
    return row?.first ?? null;
  }

  /** Which of some clients somebody has signed in from, or used signed in, within a time. */
  async signedIn(clients: readonly string[], { from, to }: ScanWindow): Promise<Set<string>> {
    const { log, counted, client, shows } = LOG_TERMS;
    const rows = await this.manager.query<{ client: string }[]>(
      `select distinct text(${client}) as client from ${log}
        where "timestamp" >= $1 and "timestamp" < $2 and ${counted}
          and (user_id is not null or ${shows('auth-success')}) and ${client} = any($3::inet[])`,
      [from, to, clients],
    );
    return new Set(rows.map((row) => spelt('client', row.client)));
  }

  /**
   * Reads what speaks against clients once. PostgreSQL takes any comparison of bits to be true of nearly all rows, and
   * would read all of them; the index has the few, where it is there.
   */
  private async copy(rules: readonly CompiledRule[], window: ScanWindow): Promise<void> {
    const [index] = await this.manager.query<{ isWhole: boolean }[]>(
      `select indisvalid as "isWhole" from pg_index where indexrelid = to_regclass('ip_tracking.request_log_evidence')`,
    );
    const isForced = index?.isWhole === true;
    if (isForced) await this.setScans('off');
    const { sql, values } = copyEvidence(rules, window);
    await this.manager.query(sql, [...values]);
    if (isForced) await this.setScans('on');
    for (const compiled of rules) {
      if (compiled.without === 0) continue;
      const more = copyWhatTakesBack(compiled, window);
      await this.manager.query(more.sql, [...more.values]);
    }
    await this.manager.query(`analyze pg_temp.${EVIDENCE_TABLE}`);
  }

  private async setScans(value: 'on' | 'off'): Promise<void> {
    await this.set('enable_seqscan', value);
    await this.set('enable_bitmapscan', value);
  }

  private async set(name: string, value: string): Promise<void> {
    await this.manager.query(`select set_config($1, $2, true)`, [name, value]);
  }

  private async resolvedDetectors(): Promise<Set<string>> {
    const rows = await this.manager.query<{ detector: string }[]>(
      `select distinct detector from ip_tracking.suspicious_ip where resolved_at is not null`,
    );
    return new Set(rows.map(({ detector }) => detector));
  }

  /**
   * By way of a table of the session's own: PostgreSQL runs a cursor with one process only, and a plain answer would be in
   * memory as a whole.
   */
  private async each(
    { sql, values }: LogQuery,
    work: (rows: Record<string, unknown>[]) => Promise<void>,
  ): Promise<void> {
    const table = 'pg_temp.ip_tracking_hit';
    await this.manager.query(`create temporary table ip_tracking_hit on commit drop as ${sql}`, [
      ...values,
    ]);
    try {
      await this.manager.query(
        `declare ip_tracking_hits no scroll cursor for select * from ${table}`,
      );
      for (;;) {
        const rows = await this.manager.query<Record<string, unknown>[]>(
          `fetch ${AT_ONCE} from ip_tracking_hits`,
        );
        if (rows.length > 0) await work(rows);
        if (rows.length < AT_ONCE) break;
      }
    } finally {
      // After an error the transaction is over anyway, and says so again.
      await this.manager.query('close ip_tracking_hits').catch(() => undefined);
      await this.manager.query(`drop table if exists ${table}`).catch(() => undefined);
    }
  }
}
