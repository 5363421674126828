import type { EntityManager } from 'typeorm';
import { bitsOf } from '../../signals/signal.js';
import type { CompiledRule } from '../detector-rule.js';
import type { LogDetector, LogQuery, ScanWindow } from '../detector.js';
import { reachOf } from './compile-scan.js';
import { copyEvidence, copyWhatTakesBack, EVIDENCE_TABLE, isOfEvidence } from './evidence.js';
import { copyUsers, countForwarders, USERS_TABLE } from './hour-reads.js';
import { HOUR_TABLE, HourCounts, SUSPECTS_TABLE } from './hour-counts.js';

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

/** What all detectors share of an hour: tables of the session's own, made of as few passes over the log as there can be. */
export class HourTablesRepository {
  constructor(
    private readonly manager: EntityManager,
    private readonly plan: SuspectsPlan,
  ) {}

  /**
   * Makes those that rules and queries read.
   *
   * @param isRead whether a query reads a table.
   */
  async make(
    { rules, detectors, counts, window }: HourReaders,
    isRead: (table: string) => boolean,
  ): Promise<void> {
    await this.set('work_mem', WORK_MEM);
    const ofEvidence = rules.filter(isOfEvidence);
    if (ofEvidence.length > 0 || isRead(EVIDENCE_TABLE)) {
      await this.copyEvidence(ofEvidence, detectors, window);
    }
    const readsSuspects = rules.some(isOfSuspects) || isRead(SUSPECTS_TABLE);
    const readsUsers = isRead(USERS_TABLE);
    if (readsSuspects || readsUsers || isRead(HOUR_TABLE)) await this.countHour(counts);
    if (readsSuspects) await this.copySuspects(counts);
    if (readsUsers) await this.copyUsers(window);
  }

  /** Runs a statement with the index of evidence, which PostgreSQL would not choose by itself. */
  async byEvidence<T>(work: () => Promise<T>): Promise<T> {
    const isForced = await this.hasEvidenceIndex();
    if (isForced) await this.setScans('off');
    const result = await work();
    if (isForced) await this.setScans('on');
    return result;
  }

  /** Peers that forward for others and brought more than half of an hour's requests. {@link make} has been called. */
  async forwarders(window: ScanWindow): Promise<string[]> {
    const [there] = await this.manager.query<{ is: boolean }[]>(
      `select to_regclass('${HOUR_TABLE}') is not null as is`,
    );
    if (there?.is !== true) return [];
    const { sql, values } = countForwarders(window);
    const rows = await this.manager.query<{ address: string }[]>(sql, [...values]);
    return rows.map(({ address }) => address);
  }

  async drop(...tables: string[]): Promise<void> {
    const names =
      tables.length > 0 ? tables : [EVIDENCE_TABLE, HOUR_TABLE, SUSPECTS_TABLE, USERS_TABLE];
    await this.manager.query(`drop table if exists ${names.join(', ')}`);
  }

  async set(name: string, value: string): Promise<void> {
    await this.manager.query(`select set_config($1, $2, true)`, [name, value]);
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
    await this.byEvidence(async () => this.ask(copyEvidence(bits, new Date(fromMs), window.to)));
    for (const compiled of rules) {
      if (compiled.without !== 0) await this.ask(copyWhatTakesBack(compiled, window));
    }
    await this.manager.query(`analyze ${EVIDENCE_TABLE}`);
  }

  /** Counts the hour's requests by client, once for all. */
  private async countHour(counts: HourCounts): Promise<void> {
    await this.set('work_mem', COUNTING_MEM);
    // PostgreSQL does not know how few clients there are, and would sort all rows, or leave the other processors idle.
    const settings = [
      'parallel_setup_cost',
      'parallel_tuple_cost',
      'parallel_leader_participation',
      'max_parallel_workers_per_gather',
    ];
    const [before] = await this.manager.query<{ values: string[] }[]>(
      `select array(select current_setting(name) from unnest($1::text[]) with ordinality as setting(name, place) order by place) as values`,
      [settings],
    );
    await this.set('parallel_setup_cost', '0');
    await this.set('parallel_tuple_cost', '0');
    // Each process that counts makes a table of all clients: where two others do, the one that waits makes none.
    if (Number(before?.values.at(-1)) > 1) await this.set('parallel_leader_participation', 'off');
    await this.set('enable_sort', 'off');
    await this.ask(counts.count());
    await this.set('enable_sort', 'on');
    for (const [at, value] of (before?.values ?? []).entries())
      await this.set(settings[at]!, value);
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
    return size ?? NO_SIZE;
  }

  private async among(counts: HourCounts, { rows, ofRows }: HourSize): Promise<string[] | null> {
    if (rows <= ofRows * (this.plan.lookedUp ?? 0.05)) return null;
    const clients = await this.manager.query<{ client: string }[]>(counts.suspects());
    return clients.map(({ client }) => client);
  }

  /** Sightings of users; none are looked for where nobody was signed in. */
  private async copyUsers(window: ScanWindow): Promise<void> {
    const [seen] = await this.manager.query<{ users: boolean }[]>(
      `select coalesce(bool_or(has_users), false) as users from ${HOUR_TABLE} where client is null`,
    );
    await this.ask(copyUsers(window, seen?.users === true));
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

  private async ask({ sql, values }: LogQuery): Promise<void> {
    await this.manager.query(sql, [...values]);
  }
}

/** Who reads an hour. */
export interface HourReaders {
  readonly rules: readonly CompiledRule[];
  readonly detectors: readonly LogDetector[];
  readonly counts: HourCounts;
  readonly window: ScanWindow;
}

/** How many there are of whom something is read, how many rows of theirs at most, and of all. */
interface HourSize {
  suspects: number;
  rows: number;
  ofRows: number;
}

/** Where there is no database there is no answer. */
const NO_SIZE: HourSize = { suspects: 0, rows: 0, ofRows: 0 };

/** Whether a rule counts what many rows have, client by client: then only those who have enough of them are looked at. */
export function isOfSuspects(compiled: CompiledRule): boolean {
  const { detector, rule } = compiled;
  return detector.of === 'client' && rule.unlessMissedBy === undefined && !isOfEvidence(compiled);
}
