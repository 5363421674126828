import { parseIp } from '../net/ip-address.js';
import type { Outcome } from './outcome.js';
import type { PlacedRecord } from './request-record.js';

/** The columns of {@link lineOf}, in order. A spooled segment names them, so that a later release can still read it. */
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
  'extra',
] as const;

type LineColumn = (typeof LINE_COLUMNS)[number];

const NULL = '\\N';
// Backslash, and what would end a column, a line, or a record of the spool.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const SPECIAL = /[\\\t\n\r\u001e]/;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const ALL_SPECIAL = /[\\\t\n\r\u001e]/g;
const ESCAPES: Record<string, string> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\u001e': '\\x1e',
};

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(ALL_SPECIAL, (found) => ESCAPES[found]!) : text;
}

function nullable(text: string | null): string {
  return text === null ? NULL : escaped(text);
}

let lastMs = Number.NaN;
let lastIso = '';

/** Requests of one millisecond share its text. */
function isoOf(epochMs: number): string {
  if (epochMs !== lastMs) {
    lastIso = new Date(epochMs).toISOString();
    lastMs = epochMs;
  }
  return lastIso;
}

/**
 * A record as one line of PostgreSQL's COPY text format, without its newline: made once, and taken by the spool and by
 * the table as it is.
 *
 * Joined, not added up: V8 keeps a sum of strings as a tree of its parts until somebody reads it, and thousands of lines
 * wait for their batch while the garbage collector carries each of their sixty parts about.
 */
export function lineOf(record: PlacedRecord): string {
  return [
    record.id,
    isoOf(record.timestampMs),
    record.ip === null ? NULL : record.ip.toString(),
    escaped(record.ipSource),
    escaped(record.method),
    escaped(record.path),
    nullable(record.route),
    record.status,
    record.outcome,
    record.durationUs,
    nullable(record.country),
    nullable(record.city),
    nullable(record.userAgent),
    nullable(record.userId),
    record.sensitive ? 't' : 'f',
    record.ruleId === null ? NULL : record.ruleId,
    record.extra === undefined || record.extra === null
      ? NULL
      : escaped(JSON.stringify(record.extra)),
  ].join('\t');
}

/** The record that a line was made of. */
export function recordOf(line: string): PlacedRecord {
  const fields = line.split('\t');
  const text = (column: LineColumn): string | null => {
    const field = fields[LINE_COLUMNS.indexOf(column)] ?? NULL;
    return field === NULL ? null : unescaped(field);
  };
  const sure = (column: LineColumn): string => text(column) ?? '';
  const ruleId = text('rule_id');
  const extra = text('extra');
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

const USUAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The time of the earliest line, as PostgreSQL reads it: it goes into a statement, so that it is nothing else. */
export function earliestOf(lines: readonly string[]): string {
  let earliest = '~';
  for (const line of lines) {
    const start = line.indexOf('\t') + 1;
    const timestamp = line.slice(start, start + 24);
    // Years of four digits are ordered as their text is; the sign of any other comes before all digits.
    if (timestamp < earliest) earliest = timestamp;
  }
  return USUAL_TIME.test(earliest) ? earliest : '-infinity';
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
    extra: record.extra ?? null,
  };
}

const UNESCAPES: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };

function unescaped(field: string): string {
  if (!field.includes('\\')) return field;
  return field.replace(/\\(x1e|[tnr\\])/g, (_, code: string) => UNESCAPES[code] ?? '\u001e');
}
