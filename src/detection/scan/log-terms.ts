import { bitsOf, EVIDENCE } from '../../signals/signal.js';
import type { Match } from '../detector.js';

/** The table. */
export const LOG = 'ip_tracking.request_log';

/**
 * The rows that count. A client that a block rule, a ban or a limit rule refuses must not feed the detection that would
 * ban it again: nothing else stays out, a refusal by anything but such a rule included. Rows of before there was a reason
 * have their rule. Most rows have neither, which is quicker to see than their outcome.
 */
export const COUNTED = `((reason is null or reason <> 'rule' or outcome not in ('blocked', 'throttled')) and (rule_id is null or outcome <> 'blocked'))`;

/** The client a row belongs to: an IPv4 address as it is, IPv6 by its /64. */
export const CLIENT = `case family(ip_address) when 4 then ip_address else network(set_masklen(ip_address, 64))::inet end`;

/** When a row's request had ended. */
export const ENDED_AT = `("timestamp" + duration_us * interval '1 microsecond')`;

/** The columns of a row that detectors read; what is copied of the log has these. */
export const LOG_COLUMNS = [
  'id',
  '"timestamp"',
  'duration_us',
  'ip_address',
  'path',
  'method',
  'user_agent',
  'user_id',
  'attempted_user',
  'route',
  'outcome',
  'reason',
  'status',
  'sensitive',
  'rule_id',
  'signals',
] as const;

/** The partial index has only rows that speak against their client, and is asked where only those can count. */
export function shows(bits: number): string {
  const isEvidence = (bits & ~EVIDENCE) === 0;
  return `${isEvidence ? `(signals & ${EVIDENCE}) <> 0 and ` : ''}(signals & ${bits}) <> 0`;
}

/** That a row is one of those that are counted. */
export function matching(counts: Match): string {
  const conditions = [
    counts.any === undefined ? 'true' : shows(bitsOf(counts.any)),
    counts.none === undefined ? 'true' : `(signals & ${bitsOf(counts.none)}) = 0`,
    counts.outcomes === undefined ? 'true' : `outcome in (${counts.outcomes.map(quoted).join()})`,
    counts.statuses === undefined ? 'true' : `status in (${counts.statuses.map(Number).join()})`,
    counts.isSensitive === undefined ? 'true' : counts.isSensitive ? 'sensitive' : 'not sensitive',
  ];
  return conditions.filter((condition) => condition !== 'true').join(' and ') || 'true';
}

/** A text, as SQL has it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A moment, as SQL has it. */
export function moment(at: Date): string {
  return `'${at.toISOString()}'::timestamptz`;
}

/**
 * The rows of the log of some clients, by the index of addresses, in which an IPv6 client is a stretch.
 *
 * @param client an expression: the address or the network of a client.
 */
export function isOfClient(client: string): string {
  return `ip_address between set_masklen(${client}, case family(${client}) when 4 then 32 else 128 end)
                          and set_masklen(broadcast(${client}), case family(${client}) when 4 then 32 else 128 end)`;
}

/**
 * The rows of a client, for a `lateral` of many clients. What has an offset PostgreSQL does not join in a way of its own:
 * where it takes the rows for few, it would read those of all clients and compare each with each client.
 */
export function eachByIndex(condition: string, client: string): string {
  return `select * from ${LOG} where ${condition} and ${isOfClient(client)} offset 0`;
}
