import type { EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import type { Detector, LogDetector, LogFacts, ScanWindow } from './detector.js';
import type { ClaimedFindings } from './crawlers/claimed-findings.js';
import { keyOf, type Finding } from './finding.js';
import {
  detectorsToReplay,
  ReplayedFindings,
  type ReplayedSubject,
  type ReplayOptions,
  type ReplayResult,
} from './replay.js';
import { hourFrom, hourOf, hoursBetween } from './scan/hours.js';
import { LogScanRepository } from './scan/log-scan.repository.js';
import { SuspiciousIpRepository } from './suspicious-ip.repository.js';

/** What a replay goes by. */
export interface ReplayParts {
  readonly database: Pick<Database, 'transaction'>;
  readonly facts: LogFacts;
  /** Who asks those that claim to be crawlers; null where nobody does. */
  readonly claims: ClaimedFindings | null;
}

/** Runs a detector over hours of the log, as it is and as it would be; stores nothing. */
export async function replayLog(
  { database, facts, claims }: ReplayParts,
  detectors: readonly (Detector | LogDetector)[],
  { from, to, ...options }: Pick<ReplayOptions, 'detector' | 'threshold'> & ScanWindow,
): Promise<ReplayResult> {
  const { inForce, proposed } = detectorsToReplay(detectors, options);
  const first = await database.transaction((manager) =>
    new LogScanRepository(manager).firstRequest(),
  );
  // Hours before the log began hold nothing.
  const startMs = Math.max(from.getTime(), hourOf(first?.getTime() ?? to.getTime()).getTime());
  const ofProposed = new ReplayedFindings();
  const ofInForce = proposed === inForce ? ofProposed : new ReplayedFindings();
  for (const hour of hoursBetween(startMs, to.getTime())) {
    await database.transaction(async (manager) => {
      const scan = new LogScanRepository(manager, { facts });
      await scan.run([proposed], hourFrom(hour), async (found) => ofProposed.add(found));
      if (proposed === inForce) return;
      await scan.run([inForce], hourFrom(hour), async (found) => ofInForce.add(found));
    });
  }
  const described = async (findings: readonly Finding[]): Promise<ReplayedSubject[]> => {
    // DNS takes its time, and no transaction waits for it.
    const crawlers = await verifiedAmong(findings, claims);
    return database.transaction((manager) => describe(manager, findings, crawlers, { from, to }));
  };
  return {
    detector: inForce.name,
    from,
    to,
    both: await described(ofProposed.all.filter((finding) => ofInForce.has(finding))),
    proposedOnly: await described(ofProposed.all.filter((finding) => !ofInForce.has(finding))),
    inForceOnly: await described(ofInForce.all.filter((finding) => !ofProposed.has(finding))),
  };
}

/** Which findings are about crawlers that are who they say: a scan would have kept none of them. */
async function verifiedAmong(
  findings: readonly Finding[],
  claims: ClaimedFindings | null,
): Promise<Set<string>> {
  const verified = new Set<string>();
  if (claims === null) return verified;
  const ask = async (finding: Finding): Promise<void> => {
    if ((await claims.check([finding])).verified > 0) verified.add(keyOf(finding));
  };
  await Promise.all(findings.filter((finding) => claims.isClaimed(finding)).map(ask));
  return verified;
}

/** Adds to findings what is known of their clients. */
async function describe(
  manager: EntityManager,
  findings: readonly Finding[],
  crawlers: ReadonlySet<string>,
  window: ScanWindow,
): Promise<ReplayedSubject[]> {
  const clients = findings
    .filter(({ subjectKind }) => subjectKind === 'client')
    .map(({ subject }) => subject);
  const exempt = await new SuspiciousIpRepository(manager).exemptionsOf(findings);
  const signedIn = await new LogScanRepository(manager).signedIn(clients, window);
  return findings.map((finding) => {
    const { subjectKind, subject, reason, firstSeen, lastSeen } = finding;
    const isClient = subjectKind === 'client';
    const exemption = isClient ? exempt.get(subject) : undefined;
    return {
      subjectKind,
      subject,
      reason,
      firstSeen,
      lastSeen,
      hasSignedIn: isClient && signedIn.has(subject),
      exemption: exemption ?? (crawlers.has(keyOf(finding)) ? 'verified crawler' : null),
    };
  });
}
