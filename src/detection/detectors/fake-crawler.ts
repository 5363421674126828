import type { Finding } from '../finding.js';

/** What a claim to be a crawler was refuted by. */
export interface RefutedClaim {
  /** Whom it claims to be. */
  readonly crawler: string;
  /** Which step of the DNS has said no, for people. */
  readonly reason: string;
}

/** The detector that finds those who claim to be a crawler, and whom DNS has refuted. It runs when another one has found something. */
export const FAKE_CRAWLER = 'fake-crawler';
export const FAKE_CRAWLER_WEIGHT = 20;

/** A refuted claim beside the finding for which it was looked into. It is only flagged: a name alone proves nothing. */
export function fakeCrawlerFinding(
  {
    subject,
    firstSeen,
    lastSeen,
    evidence,
  }: Pick<Finding, 'subject' | 'firstSeen' | 'lastSeen' | 'evidence'>,
  { crawler, reason }: RefutedClaim,
): Finding {
  return {
    subjectKind: 'client',
    subject,
    detector: FAKE_CRAWLER,
    reason: `claims to be ${crawler} and is not: ${reason}`,
    evidence: { crawler, agents: evidence['agents'], firstSeen, lastSeen },
    weight: FAKE_CRAWLER_WEIGHT,
    firstSeen,
    lastSeen,
  };
}
