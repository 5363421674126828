import type { EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import { lockAlone } from '../database/exclusive-work.js';
import { messageOf } from '../ip-tracking.errors.js';
import type { SuspiciousIp } from './suspicious-ip.entity.js';
import type { ClientTraffic, Detector, ScanWindow } from './detector.js';
import {
  SuspiciousIpRepository,
  type Finding,
  type StoredFinding,
} from './suspicious-ip.repository.js';
import { TrafficRepository, type TrafficFilter } from './traffic.repository.js';

const HOUR_MS = 3_600_000;
/** Any constant will do, as long as every process uses the same. */
const SCAN_LOCK = 7_316_402_520;

/** What a scan found. */
export interface ScanResult {
  window: ScanWindow;
  findings: StoredFinding[];
}

/** How a scan has ended. */
export interface ScanStatus {
  startedAt: Date;
  /** How many findings it has stored, known ones included. */
  findings: number;
  /** Why it failed; null where it has not. */
  error: string | null;
}

/** Judges the request log of the last hour by every detector, and stores what they find. */
export class DetectionService {
  private last: ScanStatus | null = null;

  /** @internal */
  constructor(
    private readonly database: Database,
    private readonly detectors: readonly Detector[],
    private readonly now: () => number,
  ) {}

  /** What is known of the last scan of this process; null before the first. */
  get lastScan(): ScanStatus | null {
    return this.last;
  }

  /** Scans the hour that ends now. Safe to repeat: a client is flagged once by each detector. */
  async scan(): Promise<ScanResult> {
    const to = new Date(this.now());
    return this.noted(() => this.database.transaction((manager) => this.scanWindow(manager, to)));
  }

  /**
   * Scans the hour that has just ended, if no other process has done so or is about to.
   *
   * @returns null where another process has it.
   */
  async scanOnce(): Promise<ScanResult | null> {
    const slot = new Date(Math.floor(this.now() / HOUR_MS) * HOUR_MS);
    return this.noted(() =>
      this.database.transaction(async (manager) => {
        if (!(await claim(this.database, manager, slot))) return null;
        return this.scanWindow(manager, slot);
      }),
    );
  }

  /** The stored findings, the latest first. */
  async findings(limit = 1_000): Promise<SuspiciousIp[]> {
    return this.database.transaction((manager) => new SuspiciousIpRepository(manager).list(limit));
  }

  private async scanWindow(manager: EntityManager, to: Date): Promise<ScanResult> {
    const window = { from: new Date(to.getTime() - HOUR_MS), to };
    const traffic = new TrafficRepository(manager);
    const filter = this.filter();
    const findings = this.judge(await traffic.arrivedIn(window, filter), window);
    for (const hour of await traffic.lateHours(window)) {
      findings.push(...this.judge(await traffic.requestedIn(hour, filter), hour));
    }
    const stored = await new SuspiciousIpRepository(manager).save(strongest(findings), to);
    return { window, findings: stored };
  }

  private async noted<T extends ScanResult | null>(scan: () => Promise<T>): Promise<T> {
    const startedAt = new Date(this.now());
    try {
      const result = await scan();
      if (result !== null) {
        this.last = { startedAt, findings: result.findings.length, error: null };
      }
      return result;
    } catch (error) {
      this.last = { startedAt, findings: 0, error: messageOf(error) };
      throw error;
    }
  }

  private judge(clients: ClientTraffic[], window: ScanWindow): Finding[] {
    return clients.flatMap((traffic) =>
      this.detectors.flatMap((detector) => {
        const judgement = detector.judge(traffic, window);
        if (judgement === null) return [];
        return [{ ...judgement, ipAddress: traffic.ipAddress, detector: detector.name }];
      }),
    );
  }

  private filter(): TrafficFilter {
    const limits = this.detectors.flatMap(({ wants }) => wants.requestsOver ?? []);
    return {
      requestsOver: limits.length === 0 ? null : Math.min(...limits),
      anySensitive: this.detectors.some(({ wants }) => wants.anySensitive === true),
    };
  }
}

/** One finding for each client and detector: an INSERT may not touch the same row twice. The first window's stays. */
function strongest(findings: readonly Finding[]): Finding[] {
  const byKey = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.detector} ${finding.ipAddress}`;
    if (!byKey.has(key)) byKey.set(key, finding);
  }
  return [...byKey.values()];
}

/** Takes an hour for this process; the lock and the claim go with the transaction if it fails. */
async function claim(database: Database, manager: EntityManager, slot: Date): Promise<boolean> {
  if (!(await lockAlone(database, manager, { lock: SCAN_LOCK, what: 'the scan of the log' }))) {
    return false;
  }
  const claimed = await manager.query<unknown[]>(
    `insert into ip_tracking.job_run (name, slot) values ('anomaly-scan', $1)
     on conflict (name) do update set slot = excluded.slot where job_run.slot < excluded.slot
     returning name`,
    [slot],
  );
  return claimed.length > 0;
}
