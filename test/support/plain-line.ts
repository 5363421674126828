import { crc32 } from 'node:zlib';
import type { LogRecord } from '../../src/request-log/record/request-record.js';

const NULL = '\\N';

function escaped(text: string | null): string {
  if (text === null) return NULL;
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\u001e', '\\x1e');
}

/**
 * What the log writes of a record, the plain and slow way: a line of PostgreSQL's COPY text format, without its end.
 * Shares nothing with the fast one, or it would share its mistakes.
 */
export function lineOf(record: LogRecord): string {
  return [
    escaped(record.id),
    new Date(record.timestampMs).toISOString(),
    escaped(record.ip?.toString() ?? null),
    escaped(record.ipSource),
    escaped(record.method),
    escaped(record.path),
    escaped(record.route),
    record.status,
    record.outcome,
    record.durationUs,
    escaped(record.country),
    escaped(record.city),
    escaped(record.userAgent),
    escaped(record.userId),
    record.sensitive ? 't' : 'f',
    record.ruleId ?? NULL,
    escaped(record.reason),
    record.repeats,
    escaped(record.extra ? JSON.stringify(record.extra) : null),
    record.signals ?? NULL,
    escaped(record.attemptedUser),
  ].join('\t');
}

/** A line as the spool keeps it. */
export function frameOf(line: string): string {
  return `\u001e${crc32(line).toString(16).padStart(8, '0')}${line}\n`;
}
