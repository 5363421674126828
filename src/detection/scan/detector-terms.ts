import { bitsOf } from '../../signals/signal.js';
import type { LogDetector, LogTerms, ScanWindow } from '../detector.js';
import { EVIDENCE_TABLE } from './evidence.js';
import { HOUR_TABLE, type HourCounts } from './hour-counts.js';
import { USERS_TABLE } from './hour-reads.js';
import { CLIENT, COUNTED, ENDED_AT, isOfClient, LOG, moment, shows } from './log-terms.js';

/** What the query of a detector can be made of. */
export function termsOf(
  detector: LogDetector,
  counts: HourCounts,
  { from, to }: ScanWindow,
): LogTerms {
  return {
    log: LOG,
    counted: COUNTED,
    client: CLIENT,
    endedAt: ENDED_AT,
    shows: (...names) => shows(bitsOf(names)),
    isOf: isOfClient,
    suspects: counts.suspectsOf(detector),
    requests: counts.rowsOfSuspects(detector),
    evidence: `(select * from ${EVIDENCE_TABLE} where "timestamp" >= ${moment(from)} and "timestamp" < ${moment(to)}
                   and ${shows(bitsOf(detector.evidence ?? []))})`,
    population: `(select requests, clients from ${HOUR_TABLE} where client is null)`,
    users: USERS_TABLE,
  };
}
