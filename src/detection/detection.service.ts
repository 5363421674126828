import type { EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import { workAlone } from '../database/exclusive-work.js';
import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';
import type { AnnouncedDetectors } from './announced-detectors.js';
import { AnnouncedDetectorsRepository } from './announced-detectors.repository.js';
import type { ClaimedFindings } from './crawlers/claimed-findings.js';
import type { Detector, LogDetector, LogFacts, ScanWindow, SubjectKind } from './detector.js';
import { spelt } from './finding.js';
import type { FindingResponse } from './finding-response.js';
import { replayLog } from './replay-log.js';
import type { ReplayOptions, ReplayResult } from './replay.js';
import { hourFrom, hourOf, hoursBetween, MAX_MISSED_HOURS, sayMissed } from './scan/hours.js';
import type { AnnouncedBy, ScanOptions, ScanResult, ScanStatus } from './scan-result.js';
import { ScanFindings } from './scan/scan-findings.js';
import { ScanProgressRepository } from './scan/scan-progress.repository.js';
import { SuspiciousIpRepository, type ScoredFinding } from './suspicious-ip.repository.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Any constant will do, as long as every process uses the same. */
const SCAN_LOCK = 7_316_402_520;
/** The busiest hour of a large log takes its time, and nobody waits for it. */
const STATEMENT_TIMEOUT_MS = 300_000;
const MAX_NOTE_LENGTH = 1_000;

/** What is settled. */
export interface ResolveDetails {
  /** @default 'client' */
  subjectKind?: SubjectKind;
  /** One detector's finding alone. @default those of all */
  detector?: string;
  /** Who settles it, for whoever asks later. */
  by: string;
  note?: string;
}

/** What a {@link DetectionService} is made with. */
export interface DetectionParts {
  database: Database;
  detectors: readonly (Detector | LogDetector)[];
  /** Who asks those that claim to be crawlers; null where nobody does. */
  claims: ClaimedFindings | null;
  /** What detectors may ask that is in no log. */
  facts: LogFacts;
  /** How long rows are kept, in days; 0 for ever. */
  retentionDays: number;
  /** What follows from findings. @default nothing */
  response?: FindingResponse | null;
  /** Epoch milliseconds. */
  now(): number;
}

/** Judges the request log by every detector, and stores what they find. */
export class DetectionService {
  private last: ScanStatus | null = null;

  /** @internal */
  constructor(private readonly parts: DetectionParts) {}

  /** What is known of the last scan of this process; null before the first. */
  get lastScan(): ScanStatus | null {
    return this.last;
  }

  /**
   * Scans the hour that ends now. Safe to repeat: a subject is flagged once by each detector.
   *
   * @throws IpTrackingError `IPT_INVALID_OPTION` where the detectors of another version were announced.
   */
  async scan({ asAnnounced = false }: ScanOptions = {}): Promise<ScanResult> {
    const to = new Date(this.parts.now());
    const window = { from: new Date(to.getTime() - HOUR_MS), to };
    return this.noted(async () => {
      const announced = asAnnounced ? await this.announced() : null;
      const { detectors } = announced ?? this.parts;
      const scan = new ScanFindings(window, this.parts);
      await this.parts.database.transaction((manager) => scan.judge(manager, window, detectors));
      await this.storeClaimed(scan);
      for (const hour of await this.lateHours(window)) {
        await this.parts.database.transaction((manager) =>
          scan.judge(manager, hourFrom(hour), detectors),
        );
        await this.storeClaimed(scan);
      }
      const { result } = scan;
      return asAnnounced ? { ...result, announced: announcedBy(announced) } : result;
    });
  }

  /**
   * Scans every hour that is over and that no process has scanned, seven days back at most, and those to which rows have
   * come late, each in a transaction of its own: where this process dies the next goes on.
   *
   * @returns null where there was nothing to do, or another process is at it.
   */
  async scanOnce(): Promise<ScanResult | null> {
    return this.noted(async () => {
      const plan = await this.alone((manager) => this.plan(manager));
      if (plan === null) return null;
      const scan = new ScanFindings({ from: plan.until, to: plan.until }, this.parts);
      const sofar = (): ScanResult | null => (scan.result.hours === 0 ? null : scan.result);
      for (const hour of plan.missed) {
        if (!(await this.judgeMissed(hour, scan))) return sofar();
      }
      for (const hour of plan.late) {
        if (!(await this.judgeLate(hour, plan.arrivedFrom, scan))) return sofar();
      }
      await this.alone(async (manager) => {
        await new ScanProgressRepository(manager).noteArrived(plan.arrivedTo);
      });
      return sofar();
    });
  }

  /**
   * Tries a threshold on the log: who would have been flagged, beside who is by the one in force. Nothing is stored, and
   * what was settled since does not count, as in a scan.
   *
   * @throws IpTrackingError `IPT_UNKNOWN_OPTION` or `IPT_INVALID_OPTION` where there is no such detector or threshold;
   * `IPT_DATABASE_UNAVAILABLE` or `IPT_SCHEMA_MISSING`.
   */
  async replay(options: ReplayOptions): Promise<ReplayResult> {
    const { detectors } =
      (options.asAnnounced === true ? await this.announced() : null) ?? this.parts;
    const to = new Date(this.parts.now());
    const fromMs = Math.max(options.since.getTime(), this.oldest(to).getTime());
    return replayLog(this.parts, detectors, {
      ...options,
      from: hourOf(fromMs),
      to,
    });
  }

  /** The stored findings, the latest first, with the score of each one's subject. */
  async findings(limit = 1_000): Promise<ScoredFinding[]> {
    return new SuspiciousIpRepository(this.parts.database).list(limit, new Date(this.parts.now()));
  }

  /**
   * Settles what was found of a subject. It comes back only by what is done from now on.
   *
   * @param subject as findings have it: an address or network, a user's id, a route's pattern.
   * @returns how many findings were settled.
   * @throws IpTrackingError `IPT_INVALID_OPTION` where nobody is named who settles it.
   */
  async resolve(subject: string, details: ResolveDetails): Promise<number> {
    const { subjectKind = 'client', detector, by, note } = details;
    if (typeof by !== 'string' || by === '') {
      throw new IpTrackingError('IPT_INVALID_OPTION', 'by is empty: say who settles the finding');
    }
    return new SuspiciousIpRepository(this.parts.database).resolve(
      {
        subjectKind,
        subject: spelt(subjectKind, subject),
        ...(detector === undefined ? {} : { detector }),
      },
      { by, note: note?.slice(0, MAX_NOTE_LENGTH) ?? null, now: new Date(this.parts.now()) },
    );
  }

  private announced(): Promise<AnnouncedDetectors | null> {
    return new AnnouncedDetectorsRepository(this.parts.database).read();
  }

  private alone<T>(work: (manager: EntityManager) => Promise<T>): Promise<T | null> {
    return workAlone(
      this.parts.database,
      {
        lock: SCAN_LOCK,
        what: 'the scan of the log',
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      },
      work,
    );
  }

  /** What is to be done, as far as it is known now. */
  private async plan(manager: EntityManager): Promise<ScanPlan | null> {
    const progress = new ScanProgressRepository(manager);
    const now = new Date(this.parts.now());
    const until = hourOf(now.getTime());
    const { judgedUntil, arrivedUntil } = await progress.read();
    const firstMs = Math.min(judgedUntil?.getTime() ?? until.getTime() - HOUR_MS, until.getTime());
    const fromMs = Math.max(firstMs, until.getTime() - MAX_MISSED_HOURS * HOUR_MS);
    const missed = hoursBetween(fromMs, until.getTime());
    sayMissed(missed.length, (fromMs - firstMs) / HOUR_MS);
    const arrivedFrom = arrivedUntil ?? new Date(fromMs);
    const arrivedTo = await progress.settledUntil(now, arrivedFrom);
    const late = await progress.lateHours(
      { from: arrivedFrom, to: arrivedTo },
      new Date(fromMs),
      this.oldest(now),
    );
    return { missed, late, until, arrivedFrom, arrivedTo };
  }

  /** @returns false where another process is at it. */
  private async judgeMissed(hour: Date, scan: ScanFindings): Promise<boolean> {
    const window = hourFrom(hour);
    const isOurs = await this.alone(async (manager) => {
      const progress = new ScanProgressRepository(manager);
      const { judgedUntil } = await progress.read();
      // Another process has done it since.
      if (judgedUntil !== null && judgedUntil > hour) return true;
      await scan.judge(manager, window, this.parts.detectors);
      if (!scan.hasClaimed) await progress.noteJudged(window.to);
      return true;
    });
    if (isOurs === null) return false;
    if (!scan.hasClaimed) return true;
    const left = await scan.checked();
    const isDone = await this.alone(async (manager) => {
      await scan.store(manager, left);
      await new ScanProgressRepository(manager).noteJudged(window.to);
      return true;
    });
    return isDone === true;
  }

  /** @returns false where another process is at it, or has seen these rows since. */
  private async judgeLate(hour: Date, arrivedFrom: Date, scan: ScanFindings): Promise<boolean> {
    const isOurs = await this.alone(async (manager) => {
      const { arrivedUntil } = await new ScanProgressRepository(manager).read();
      if (arrivedUntil !== null && arrivedUntil > arrivedFrom) return false;
      await scan.judge(manager, hourFrom(hour), this.parts.detectors);
      return true;
    });
    if (isOurs !== true) return false;
    await this.storeClaimed(scan);
    return true;
  }

  private async storeClaimed(scan: ScanFindings): Promise<void> {
    if (!scan.hasClaimed) return;
    const left = await scan.checked();
    await this.parts.database.transaction((manager) => scan.store(manager, left));
  }

  private lateHours(window: ScanWindow): Promise<Date[]> {
    return this.parts.database.transaction((manager) =>
      new ScanProgressRepository(manager).lateHours(window, window.from, this.oldest(window.to)),
    );
  }

  private oldest(now: Date): Date {
    const { retentionDays } = this.parts;
    const days = retentionDays === 0 ? 365 : retentionDays;
    return new Date(now.getTime() - days * DAY_MS);
  }

  private async noted<T extends ScanResult | null>(scan: () => Promise<T>): Promise<T> {
    const startedAt = new Date(this.parts.now());
    try {
      const result = await scan();
      if (result !== null) {
        const { findings, exempted } = result;
        this.parts.response?.scanned(findings, this.parts.detectors);
        this.last = { startedAt, findings: findings.length, exempted, error: null };
      }
      return result;
    } catch (error) {
      this.last = { startedAt, findings: 0, exempted: {}, error: messageOf(error) };
      throw error;
    }
  }
}

interface ScanPlan {
  missed: Date[];
  late: Date[];
  /** The end of the last hour that is over. */
  until: Date;
  arrivedFrom: Date;
  arrivedTo: Date;
}

function announcedBy(announced: AnnouncedDetectors | null): AnnouncedBy {
  return { at: announced?.announcedAt ?? null, notRun: [...(announced?.notRun ?? [])] };
}
