import type { EntityManager } from 'typeorm';
import type { Database } from '../database/database.js';
import type { Detector, LogDetector, LogFacts, ScanWindow } from './detector.js';
import type { Finding } from './finding.js';
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

/** Runs a detector over hours of the log, as it is and as it would be; stores nothing. */
export async function replayLog(
  { database, facts }: { database: Pick<Database, 'transaction'>; facts: LogFacts },
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
  const described = (findings: readonly Finding[]): Promise<ReplayedSubject[]> =>
    database.transaction((manager) => describe(manager, findings, { from, to }));
  return {
    detector: inForce.name,
    from,
    to,
    both: await described(ofProposed.all.filter((finding) => ofInForce.has(finding))),
    proposedOnly: await described(ofProposed.all.filter((finding) => !ofInForce.has(finding))),
    inForceOnly: await described(ofInForce.all.filter((finding) => !ofProposed.has(finding))),
  };
}

/** Adds to findings what is known of their clients. */
async function describe(
  manager: EntityManager,
  findings: readonly Finding[],
  window: ScanWindow,
): Promise<ReplayedSubject[]> {
  const clients = findings
    .filter(({ subjectKind }) => subjectKind === 'client')
    .map(({ subject }) => subject);
  const exempt = await new SuspiciousIpRepository(manager).exemptionsOf(findings);
  const signedIn = await new LogScanRepository(manager).signedIn(clients, window);
  return findings.map(({ subjectKind, subject, reason, firstSeen, lastSeen }) => ({
    subjectKind,
    subject,
    reason,
    firstSeen,
    lastSeen,
    hasSignedIn: subjectKind === 'client' && signedIn.has(subject),
    exemption: subjectKind === 'client' ? (exempt.get(subject) ?? null) : null,
  }));
}
