import { EVIDENCE } from '../../signals/signal.js';
import type { CompiledRule } from '../detector-rule.js';
import type { LogQuery, ScanWindow } from '../detector.js';
import { CLIENT, COUNTED, LOG, reachOf, shows } from './compile-scan.js';

/** The rows of an hour, and of what windows reach back to, that speak against their clients: read once for all rules. */
export const EVIDENCE_TABLE = 'ip_tracking_evidence';

const COLUMNS =
  'id, "timestamp", duration_us, ip_address, path, method, user_agent, user_id, attempted_user, route, outcome, status, sensitive, rule_id, reason, signals';

/** Whether a rule counts nothing but evidence, so that it need not see any other row. */
export function isOfEvidence({ any, without, detector }: CompiledRule): boolean {
  return any !== null && (any & ~EVIDENCE) === 0 && (without === 0 || detector.of === 'client');
}

/** Copies what these rules count. */
export function copyEvidence(rules: readonly CompiledRule[], window: ScanWindow): LogQuery {
  const bits = rules.reduce((sum, { any }) => sum | (any ?? 0), 0);
  const from = Math.min(...rules.map((rule) => reachOf(rule, window).beganFrom.getTime()));
  return {
    sql: `create temporary table ${EVIDENCE_TABLE} on commit drop as
          select ${COLUMNS} from ${LOG}
           where "timestamp" >= $1 and "timestamp" < $2 and ${COUNTED} and ${shows(bits)}`,
    values: [new Date(from), window.to],
  };
}

/**
 * Adds what takes a rule's requests back, of the clients alone that have enough of them to be found: mostly of nobody. By
 * the index of addresses, in which an IPv6 client is a stretch.
 */
export function copyWhatTakesBack(compiled: CompiledRule, window: ScanWindow): LogQuery {
  const columns = COLUMNS.split(', ').map((column) => `log.${column}`);
  return {
    sql: `insert into pg_temp.${EVIDENCE_TABLE}
          select ${columns.join(', ')}
            from (select ${CLIENT} as client from pg_temp.${EVIDENCE_TABLE} where ${shows(compiled.any ?? 0)}
                   group by 1 having count(*) >= $3) as suspect,
                 lateral (select * from ${LOG} where ${COUNTED} and ${shows(compiled.without)}
                             and "timestamp" >= $1 and "timestamp" < $2
                             and ip_address between set_masklen(client, case family(client) when 4 then 32 else 128 end)
                             and set_masklen(broadcast(client), case family(client) when 4 then 32 else 128 end)) as log
           where not exists (select from pg_temp.${EVIDENCE_TABLE} as known where known.id = log.id)`,
    values: [reachOf(compiled, window).beganFrom, window.to, compiled.rule.atLeast],
  };
}
