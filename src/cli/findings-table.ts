import type { SuspiciousIp } from '../index.js';
import { moment, table } from './table.js';

/** Findings as an operator reads them. */
export function findingsTable(findings: readonly SuspiciousIp[]): string {
  return table(
    ['subject', 'detector', 'flagged', 'last seen', 'reason'],
    findings.map((finding) => [
      finding.subject,
      finding.detector,
      moment(finding.flaggedAt),
      moment(finding.lastSeenAt),
      finding.reason,
    ]),
  );
}
