import { parseIp } from '../../net/ip-address.js';
import type { Lines } from './lines.js';
import type { Outcome } from './outcome.js';
import type { LogRecord } from './request-record.js';

/** The columns of a line, in order. A spooled segment names them, so that a later release can still read it. */
export const LINE_COLUMNS = [
  'id',
  'timestamp',
  'ip_address',
  'ip_source',
  'method',
  'path',
  'route',
  'status',
  'outcome',
  'duration_us',
  'country',
  'city',
  'user_agent',
  'user_id',
  'sensitive',
  'rule_id',
  'reason',
  'repeats',
  'extra',
  'signals',
  'attempted_user',
] as const;

type LineColumn = (typeof LINE_COLUMNS)[number];

/** What stands for a column that another release has not written, where that is not null. */
export const LINE_DEFAULTS: Partial<Record<LineColumn, string>> = { repeats: '0' };

const NULL = '\\N';

/** The record that a line was made of. */
export function recordOf(line: string): LogRecord {
  const fields = line.split('\t');
  const text = (column: LineColumn): string | null => {
    const field = fields[LINE_COLUMNS.indexOf(column)] ?? NULL;
    return field === NULL ? null : unescaped(field);
  };
  const sure = (column: LineColumn): string => text(column) ?? '';
  const ruleId = text('rule_id');
  const extra = text('extra');
  const signals = text('signals');
  return {
    id: sure('id'),
    timestampMs: Date.parse(sure('timestamp')),
    ip: parseIp(sure('ip_address')),
    ipSource: sure('ip_source'),
    method: sure('method'),
    path: sure('path'),
    route: text('route'),
    status: Number(sure('status')),
    outcome: sure('outcome') as Outcome,
    durationUs: Number(sure('duration_us')),
    country: text('country'),
    city: text('city'),
    userAgent: text('user_agent'),
    userId: text('user_id'),
    sensitive: sure('sensitive') === 't',
    ruleId: ruleId === null ? null : Number(ruleId),
    reason: text('reason') as LogRecord['reason'],
    repeats: Number(text('repeats') ?? 0),
    signals: signals === null ? null : Number(signals),
    attemptedUser: text('attempted_user'),
    ...(extra === null ? {} : { extra: JSON.parse(extra) as Record<string, unknown> }),
  };
}

/** The id of a line's record, for messages. */
export function idOfLine(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf('\t')));
}

/** The fields of a line that say whose it is and when: its time, as ISO 8601, and its address, or `\N`. */
export function traceOfLine(line: string): { timestamp: string; address: string } {
  const afterId = line.indexOf('\t') + 1;
  const afterTime = line.indexOf('\t', afterId) + 1;
  return {
    timestamp: line.slice(afterId, afterTime - 1),
    address: line.slice(afterTime, line.indexOf('\t', afterTime)),
  };
}

const TAB = 0x09;
/** Of `2026-01-31T23:59:59.999Z`. */
const TIME_LENGTH = 24;
const USUAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The time of the earliest line, as PostgreSQL reads it: it goes into a statement, so that it is nothing else. */
export function earliestOf(lines: Lines): string {
  const { bytes } = lines;
  let earliest = -1;
  for (let index = 0; index < lines.length; index += 1) {
    const start = bytes.indexOf(TAB, lines.offsetOf(index)) + 1;
    // Years of four digits are ordered as their text is; the sign of any other comes before all digits.
    if (earliest === -1 || isLess(bytes, start, earliest)) earliest = start;
  }
  const text = earliest === -1 ? '' : bytes.toString('latin1', earliest, earliest + TIME_LENGTH);
  return USUAL_TIME.test(text) ? text : '-infinity';
}

/** Whether one time of a line, byte by byte, is before another. */
function isLess(bytes: Buffer, one: number, other: number): boolean {
  for (let index = 0; index < TIME_LENGTH; index += 1) {
    const difference = bytes[one + index]! - bytes[other + index]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** A line as an object of the table's columns. */
export function rowOfLine(line: string): Record<string, unknown> {
  const { ip, timestampMs, ...record } = recordOf(line);
  return {
    id: record.id,
    timestamp: new Date(timestampMs),
    ip_address: ip?.toString() ?? null,
    ip_source: record.ipSource,
    method: record.method,
    path: record.path,
    route: record.route,
    status: record.status,
    outcome: record.outcome,
    duration_us: String(record.durationUs),
    country: record.country,
    city: record.city,
    user_agent: record.userAgent,
    user_id: record.userId,
    sensitive: record.sensitive,
    rule_id: record.ruleId,
    reason: record.reason,
    repeats: record.repeats,
    signals: record.signals === null ? null : String(record.signals),
    attempted_user: record.attemptedUser,
    extra: record.extra ?? null,
  };
}

const UNESCAPES: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };

function unescaped(field: string): string {
  if (!field.includes('\\')) return field;
  return field.replace(/\\(x1e|[tnr\\])/g, (_, code: string) => UNESCAPES[code] ?? '\u001e');
}
