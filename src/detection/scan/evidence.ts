import { EVIDENCE } from '../../signals/signal.js';
import type { CompiledRule } from '../detector-rule.js';
import type { LogQuery, ScanWindow } from '../detector.js';
import { reachOf } from './compile-scan.js';
import { CLIENT, COUNTED, eachByIndex, LOG, LOG_COLUMNS, shows } from './log-terms.js';

/** The rows of an hour, and of what windows reach back to, that speak against their clients: read once for all detectors. */
export const EVIDENCE_TABLE = 'pg_temp.ip_tracking_evidence';

/** Whether a rule counts nothing but evidence, so that it need not see any other row. */
export function isOfEvidence({ any, without, detector }: CompiledRule): boolean {
  return any !== null && (any & ~EVIDENCE) === 0 && (without === 0 || detector.of === 'client');
}

/** Copies rows that show some evidence, from a moment on. */
export function copyEvidence(bits: number, from: Date, to: Date): LogQuery {
  return {
    sql: `create temporary table ip_tracking_evidence on commit drop as
          select ${LOG_COLUMNS.join(', ')} from ${LOG}
           where "timestamp" >= $1 and "timestamp" < $2 and ${COUNTED} and ${shows(bits)}`,
    values: [from, to],
  };
}

/**
 * Adds what takes a rule's requests back, of the clients alone that have enough of them to be found: mostly of nobody.
 */
export function copyWhatTakesBack(compiled: CompiledRule, window: ScanWindow): LogQuery {
  const columns = LOG_COLUMNS.map((column) => `log.${column}`);
  const takesBack = `${COUNTED} and ${shows(compiled.without)} and "timestamp" >= $1 and "timestamp" < $2`;
  return {
    sql: `insert into ${EVIDENCE_TABLE}
          select ${columns.join(', ')}
            from (select ${CLIENT} as client from ${EVIDENCE_TABLE} where ${shows(compiled.any ?? 0)}
                   group by 1 having count(*) >= $3) as suspect,
                 lateral (${eachByIndex(takesBack, 'client')}) as log
           where not exists (select from ${EVIDENCE_TABLE} as known where known.id = log.id)`,
    values: [reachOf(compiled, window).beganFrom, window.to, compiled.rule.atLeast],
  };
}
