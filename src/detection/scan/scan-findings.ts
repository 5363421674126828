import type { EntityManager } from 'typeorm';
import type { ClaimedFindings } from '../crawlers/claimed-findings.js';
import { logger } from '../../provide.js';
import type { Detector, LogDetector, LogFacts, ScanWindow } from '../detector.js';
import { keyOf, type Finding } from '../finding.js';
import type { ScanResult } from '../scan-result.js';
import {
  SuspiciousIpRepository,
  type Exemption,
  type StoredFinding,
} from '../suspicious-ip.repository.js';
import { LogScanRepository } from './log-scan.repository.js';

/** Findings that are handed back to whoever scans; all are stored. */
const MAX_RETURNED = 10_000;
/** More findings about those who claim to be crawlers are stored unasked: they would be in memory meanwhile. */
const MAX_CLAIMED = 10_000;

/** What {@link ScanFindings} are made with. */
export interface ScanFindingsParts {
  readonly claims: ClaimedFindings | null;
  readonly facts: LogFacts;
  /** Epoch milliseconds. */
  now(): number;
}

/**
 * What a scan finds: stored as it is found, but for what is about clients who claim to be crawlers. They are asked about
 * once the transaction is over, since DNS may take seconds.
 */
export class ScanFindings {
  readonly result: ScanResult;
  private readonly returned = new Map<string, StoredFinding>();
  private claimed: Finding[] = [];
  /** When the hour that is judged was looked at. */
  private at = new Date(0);

  constructor(
    window: ScanWindow,
    private readonly parts: ScanFindingsParts,
  ) {
    this.result = { window, hours: 0, findings: [], exempted: {} };
  }

  /** Whether there is somebody to be asked about. */
  get hasClaimed(): boolean {
    return this.claimed.length > 0;
  }

  /** Judges an hour, and stores what is found. */
  async judge(
    manager: EntityManager,
    window: ScanWindow,
    detectors: readonly (Detector | LogDetector)[],
  ): Promise<void> {
    this.claimed = [];
    this.at = new Date(this.parts.now());
    const { facts } = this.parts;
    const scan = new LogScanRepository(manager, { facts });
    const { forwarders, leftOut } = await scan.run(detectors, window, async (found) =>
      this.store(
        manager,
        found.filter((finding) => !this.isKeptBack(finding)),
      ),
    );
    if (forwarders.length > 0) sayUntrusted(forwarders, window);
    if (leftOut > 0) this.exempt('misconfigured trust', leftOut);
    const { result } = this;
    result.hours += 1;
    result.window = {
      from: new Date(Math.min(result.window.from.getTime(), window.from.getTime())),
      to: new Date(Math.max(result.window.to.getTime(), window.to.getTime())),
    };
  }

  /** Asks about those who claim to be crawlers. Not to be called in a transaction. @returns what is left to be stored. */
  async checked(): Promise<Finding[]> {
    const { claims } = this.parts;
    const claimed = this.claimed.splice(0);
    if (claims === null || claimed.length === 0) return claimed;
    const { findings, verified } = await claims.check(claimed);
    if (verified > 0) this.exempt('verified crawler', verified);
    return findings;
  }

  async store(manager: EntityManager, found: readonly Finding[]): Promise<void> {
    if (found.length === 0) return;
    const { stored, exempted } = await new SuspiciousIpRepository(manager).save(
      found,
      this.at,
      (finding) => this.hasRoom(keyOf(finding)),
    );
    for (const [why, count] of Object.entries(exempted) as [Exemption, number][]) {
      this.exempt(why, count);
    }
    for (const finding of stored) {
      const key = keyOf(finding);
      const before = this.returned.get(key);
      const isNew = finding.isNew || before?.isNew === true;
      if (this.hasRoom(key)) this.returned.set(key, { ...finding, isNew });
    }
    this.result.findings = [...this.returned.values()];
  }

  /** Whether a finding is handed back. */
  private hasRoom(key: string): boolean {
    return this.returned.size < MAX_RETURNED || this.returned.has(key);
  }

  private isKeptBack(finding: Finding): boolean {
    if (this.parts.claims?.isClaimed(finding) !== true) return false;
    if (this.claimed.length >= MAX_CLAIMED) return false;
    this.claimed.push(finding);
    return true;
  }

  private exempt(why: Exemption, count: number): void {
    this.result.exempted[why] = (this.result.exempted[why] ?? 0) + count;
  }
}

function sayUntrusted(forwarders: readonly string[], { from }: ScanWindow): void {
  logger.warn(
    `more than half of the requests of ${from.toISOString()} came by ${forwarders.join(', ')}, which forwards for others and is not trusted: clients are not told apart, and nothing is found about it. Set clientIp so that its forwarding header counts`,
  );
}
