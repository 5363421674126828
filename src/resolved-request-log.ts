import type { DatabaseOptions } from './database/data-source.js';
import { DEFAULT_STATEMENT_TIMEOUT_MS, SILENCE_GRACE_MS } from './database/data-source.js';
import { IpTrackingError } from './ip-tracking.errors.js';
import type { RequestLogOptions, RequestSpoolOptions } from './ip-tracking.options.js';
import {
  callable,
  part,
  pathList,
  share,
  wholeNumber,
  withMethods,
  type Check,
} from './options/checks.js';
import type { Enrich } from './request-log/capture/enrich.js';
import type { RequestSink } from './request-log/record/request-record.js';

/** A hundred years: beyond it the sums with dates would leave what PostgreSQL can hold. */
const MAX_DAYS = 36_500;

/** The options of the request log with every default filled in. */
export interface ResolvedRequestLog extends Required<
  Omit<RequestLogOptions, 'sink' | 'spool' | 'enrich'>
> {
  isEnabled: boolean;
  enrich: Enrich | null;
  sink: RequestSink | null;
  spool: Required<RequestSpoolOptions> | null;
}

/** How each option of {@link RequestLogOptions} is checked. */
export const REQUEST_LOG_CHECKS: Record<keyof RequestLogOptions, Check> = {
  enrich: callable,
  skipPaths: pathList,
  sampleServed: share,
  flushIntervalMs: wholeNumber(1, 60_000),
  maxBatchSize: wholeNumber(1, 100_000),
  maxQueued: wholeNumber(1),
  writeTimeoutMs: wholeNumber(100, 600_000),
  answerTimeoutMs: wholeNumber(100, 600_000),
  shutdownTimeoutMs: wholeNumber(0),
  retentionDays: wholeNumber(0, MAX_DAYS),
  rollupRetentionDays: wholeNumber(0, MAX_DAYS),
  spool: part({
    writeIntervalMs: wholeNumber(1, 60_000),
    syncIntervalMs: wholeNumber(10, 60_000),
    maxBytes: wholeNumber(65_536),
    adoptAfterMs: wholeNumber(50),
  }),
  sink: withMethods('a RequestSink', 'write'),
};

/**
 * Fills in the defaults of options that have passed {@link REQUEST_LOG_CHECKS}.
 *
 * @throws IpTrackingError `IPT_INVALID_OPTION` where two of them do not go together.
 */
export function requestLogSettings(
  given: false | RequestLogOptions | undefined,
  database: DatabaseOptions,
): ResolvedRequestLog {
  const options = given || {};
  return {
    isEnabled: given !== false,
    enrich: options.enrich ?? null,
    skipPaths: options.skipPaths ?? [],
    sampleServed: options.sampleServed ?? 1,
    flushIntervalMs: options.flushIntervalMs ?? 50,
    maxBatchSize: options.maxBatchSize ?? 2_500,
    maxQueued: options.maxQueued ?? 100_000,
    ...timeoutsOf(options, database),
    shutdownTimeoutMs: options.shutdownTimeoutMs ?? 5_000,
    retentionDays: options.retentionDays ?? 30,
    rollupRetentionDays: options.rollupRetentionDays ?? 400,
    sink: options.sink ?? null,
    spool: options.spool === false ? null : spoolOf(options.spool ?? {}),
  };
}

function timeoutsOf(
  options: RequestLogOptions,
  database: DatabaseOptions,
): { writeTimeoutMs: number; answerTimeoutMs: number } {
  // Of a host's DataSource nobody knows how long it waits.
  const statementTimeoutMs =
    'dataSource' in database
      ? Number.POSITIVE_INFINITY
      : (database.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS);
  const writeTimeoutMs = options.writeTimeoutMs ?? Math.min(8_000, statementTimeoutMs);
  const answerTimeoutMs = options.answerTimeoutMs ?? writeTimeoutMs + SILENCE_GRACE_MS;
  if (answerTimeoutMs <= writeTimeoutMs) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `requestLog.answerTimeoutMs is ${answerTimeoutMs}: give more than requestLog.writeTimeoutMs, which is ${writeTimeoutMs}, or PostgreSQL's own word is never heard.`,
    );
  }
  const longestMs = statementTimeoutMs + SILENCE_GRACE_MS;
  if (answerTimeoutMs > longestMs) {
    const isGiven = options.answerTimeoutMs !== undefined;
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `requestLog.${isGiven ? 'answerTimeoutMs' : 'writeTimeoutMs'} is ${isGiven ? answerTimeoutMs : writeTimeoutMs}: give at most ${isGiven ? longestMs : statementTimeoutMs}, or raise database.statementTimeoutMs, after which the connection is given up anyway.`,
    );
  }
  return { writeTimeoutMs, answerTimeoutMs };
}

function spoolOf(spool: RequestSpoolOptions): Required<RequestSpoolOptions> {
  const syncIntervalMs = spool.syncIntervalMs ?? 1_000;
  const adoptAfterMs = spool.adoptAfterMs ?? Math.max(6_000, 5 * syncIntervalMs);
  if (adoptAfterMs < 5 * syncIntervalMs) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `requestLog.spool.adoptAfterMs is ${adoptAfterMs}: give at least ${5 * syncIntervalMs}, five times syncIntervalMs, or a process that lives is taken for dead.`,
    );
  }
  return {
    writeIntervalMs: spool.writeIntervalMs ?? 100,
    syncIntervalMs,
    maxBytes: spool.maxBytes ?? 512 * 1_024 * 1_024,
    adoptAfterMs,
  };
}
