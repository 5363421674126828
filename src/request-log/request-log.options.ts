import {
  SILENCE_GRACE_MS,
  statementTimeoutOf,
  type DatabaseOptions,
} from '../database/database.options.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import {
  callable,
  checkObject,
  part,
  pathList,
  share,
  wholeNumber,
  withMethods,
  type Check,
} from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import type { Enrich } from './capture/enrich.js';
import type { RequestSink } from './record/request-record.js';
import type { SignalsSettings } from '../signals/signals.options.js';
import { token } from '../provide.js';

/** The log of every request. */
export interface RequestLogOptions {
  /**
   * Adds what you like to each record: a plain object of at most 8192 bytes of JSON, stored in `extra`. Called when the
   * request is over and must not wait; what it throws costs the record its `extra`, and nothing else.
   */
  enrich?: Enrich;
  /**
   * Paths whose uneventful requests are not logged, with all that is below them, compared segment by segment, with the
   * app's global prefix and URI version in front or without: health checks, static files. What was refused by anybody or has failed is logged all the same, so is what speaks against
   * its client, and whatever a monitor rule or `@Sensitive()` is interested in.
   *
   * @default none
   */
  skipPaths?: string[];
  /**
   * The share of served requests that is logged, from 0 to 1, drawn for each. Requests with any other outcome, of
   * sensitive routes and paths, those that speak against their client, and those that a monitor rule has matched are always logged. What counts rows then
   * counts the sample: the hourly figures, and the detection of volume.
   *
   * @default 1
   */
  sampleServed?: number;
  /**
   * So many requests a minute that a stored rule has blocked have a row of their own, in each process. Beyond it there is
   * one row for each client and rule every `spool.writeIntervalMs`, whose `repeats` says how many more it stands for.
   * 0 folds them all. What counts requests sums `1 + repeats`.
   *
   * @default off: every request has its row
   */
  blockedPerMinute?: number;
  /** Where records go instead of PostgreSQL. */
  sink?: RequestSink;
  /**
   * How long rows are kept, in days, by dropping the partitions of whole days; 0 for ever. Only days that are older than
   * this by the app's clock, by PostgreSQL's and by the newest row are dropped. @default 30
   */
  retentionDays?: number;
  /** How long the hourly figures in `request_rollup` are kept, in days; 0 for ever. @default 400 */
  rollupRetentionDays?: number;
  /**
   * How long the shutdown waits for the last records, in milliseconds; for as long as nobody sends a second signal.
   *
   * @default 5000
   */
  shutdownTimeoutMs?: number;
  /**
   * Files in `stateDir` that hold what the database has not taken yet, and outlive the process. `false`: memory alone.
   *
   * @default on, with the defaults below
   */
  spool?: false | RequestSpoolOptions;
  /** What nobody has to change. */
  tuning?: RequestLogTuning;
}

/** How the log is written; the defaults were measured. */
export interface RequestLogTuning {
  /** How long a record waits for company before it is sent to the database, in milliseconds. @default 50 */
  flushIntervalMs?: number;
  /** Records written at once at most. @default 2500 */
  maxBatchSize?: number;
  /**
   * Records held in memory at most, where the database and the spool are both gone or full; beyond it the newest are
   * dropped and counted.
   *
   * @default 100000
   */
  maxQueued?: number;
  /**
   * How long PostgreSQL may work on one write of the log, waiting for locks included, in milliseconds. A write that
   * takes longer is given up, and made smaller.
   *
   * @default 8000, or `database.statementTimeoutMs` where that is less
   */
  writeTimeoutMs?: number;
  /**
   * How long one write may go without an answer, in milliseconds; then its connection is taken for dead. More than
   * `writeTimeoutMs`, and not more than `database.statementTimeoutMs` and two seconds.
   *
   * @default 2000 more than `writeTimeoutMs`: 10000
   */
  answerTimeoutMs?: number;
}

/** The files that hold what the database has not taken yet. */
export interface RequestSpoolOptions {
  /**
   * How long after its response's close a record that the database has not taken is handed to the operating system, in
   * milliseconds: what a killed process may lose.
   *
   * @default 100
   */
  writeIntervalMs?: number;
  /**
   * How often what was handed to the operating system is brought to the disk by fsync, in milliseconds: what a power
   * failure may lose besides.
   *
   * @default 1000
   */
  syncIntervalMs?: number;
  /** What the files of one process may take, in bytes; beyond it records stay in memory. @default 536870912 (512 MiB) */
  maxBytes?: number;
  /**
   * After this time without a sign of life the files of another process that shares the folder are taken over, in
   * milliseconds. Not less than five times `syncIntervalMs`, which is how often that sign is given.
   *
   * @default 6000
   */
  adoptAfterMs?: number;
}

/** What each of {@link RequestLogOptions} is where it is left out. */
export const REQUEST_LOG_DEFAULTS = {
  enrich: null,
  skipPaths: [],
  sampleServed: 1,
  blockedPerMinute: null,
  sink: null,
  retentionDays: 30,
  rollupRetentionDays: 400,
  shutdownTimeoutMs: 5_000,
} satisfies Defaults<Omit<RequestLogOptions, 'spool' | 'tuning'>>;

/** What each of {@link RequestLogTuning} is where it is left out. */
export const TUNING_DEFAULTS = {
  flushIntervalMs: 50,
  maxBatchSize: 2_500,
  maxQueued: 100_000,
  writeTimeoutMs: 8_000,
  answerTimeoutMs: 10_000,
} satisfies Defaults<RequestLogTuning>;

/** What each of {@link RequestSpoolOptions} is where it is left out. */
export const SPOOL_DEFAULTS = {
  writeIntervalMs: 100,
  syncIntervalMs: 1_000,
  maxBytes: 512 * 1_024 * 1_024,
  adoptAfterMs: 6_000,
} satisfies Defaults<RequestSpoolOptions>;

/** A hundred years: beyond it the sums with dates would leave what PostgreSQL can hold. */
const MAX_DAYS = 36_500;

/** How each of {@link RequestLogTuning} is checked. */
export const TUNING_CHECKS: Record<keyof RequestLogTuning, Check> = {
  flushIntervalMs: wholeNumber(1, 60_000),
  maxBatchSize: wholeNumber(1, 100_000),
  maxQueued: wholeNumber(1),
  writeTimeoutMs: wholeNumber(100, 600_000),
  answerTimeoutMs: wholeNumber(100, 600_000),
};

/** How each of {@link RequestSpoolOptions} is checked. */
export const SPOOL_CHECKS: Record<keyof RequestSpoolOptions, Check> = {
  writeIntervalMs: wholeNumber(1, 60_000),
  syncIntervalMs: wholeNumber(10, 60_000),
  maxBytes: wholeNumber(65_536),
  adoptAfterMs: wholeNumber(50),
};

/** How each of {@link RequestLogOptions} is checked. */
export const REQUEST_LOG_CHECKS: Record<keyof RequestLogOptions, Check> = {
  enrich: callable,
  skipPaths: pathList,
  sampleServed: share,
  blockedPerMinute: wholeNumber(0),
  sink: withMethods('a RequestSink', 'write'),
  retentionDays: wholeNumber(0, MAX_DAYS),
  rollupRetentionDays: wholeNumber(0, MAX_DAYS),
  shutdownTimeoutMs: wholeNumber(0),
  spool: part(SPOOL_CHECKS),
  tuning: (path, value) => checkObject(path, value, TUNING_CHECKS),
};

/** {@link RequestSpoolOptions} with every default filled in. */
export type SpoolSettings = Filled<RequestSpoolOptions, typeof SPOOL_DEFAULTS>;

/** {@link RequestLogOptions} with every default filled in. */
export interface RequestLogSettings extends Filled<RequestLogOptions, typeof REQUEST_LOG_DEFAULTS> {
  readonly isEnabled: boolean;
  readonly spool: SpoolSettings | null;
  readonly tuning: Filled<RequestLogTuning, typeof TUNING_DEFAULTS>;
}

export const SIGNALS_SETTINGS = token<SignalsSettings>('signals-settings');
export const REQUEST_LOG_SETTINGS = token<RequestLogSettings>('request-log-settings');

/**
 * Fills in the defaults of options that have passed {@link REQUEST_LOG_CHECKS}.
 *
 * @throws IpTrackingError `IPT_INVALID_OPTION` where two of them do not go together.
 */
export function requestLogSettings(
  given: false | RequestLogOptions | undefined,
  database: DatabaseOptions | null,
): RequestLogSettings {
  const options = given || {};
  return {
    ...filled(options, REQUEST_LOG_DEFAULTS),
    isEnabled: given !== false,
    tuning: {
      ...filled(options.tuning, TUNING_DEFAULTS),
      ...timeoutsOf(options.tuning ?? {}, statementTimeoutOf(database)),
    },
    spool: options.spool === false ? null : spoolOf(options.spool ?? {}),
  };
}

function timeoutsOf(
  tuning: RequestLogTuning,
  statementTimeoutMs: number,
): { writeTimeoutMs: number; answerTimeoutMs: number } {
  const writeTimeoutMs =
    tuning.writeTimeoutMs ?? Math.min(TUNING_DEFAULTS.writeTimeoutMs, statementTimeoutMs);
  const answerTimeoutMs = tuning.answerTimeoutMs ?? writeTimeoutMs + SILENCE_GRACE_MS;
  if (answerTimeoutMs <= writeTimeoutMs) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `requestLog.tuning.answerTimeoutMs is ${answerTimeoutMs}: give more than requestLog.tuning.writeTimeoutMs, which is ${writeTimeoutMs}, or PostgreSQL's own word is never heard.`,
    );
  }
  const longestMs = statementTimeoutMs + SILENCE_GRACE_MS;
  if (answerTimeoutMs > longestMs) {
    const isGiven = tuning.answerTimeoutMs !== undefined;
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `requestLog.tuning.${isGiven ? 'answerTimeoutMs' : 'writeTimeoutMs'} is ${isGiven ? answerTimeoutMs : writeTimeoutMs}: give at most ${isGiven ? longestMs : statementTimeoutMs}, or raise database.statementTimeoutMs, after which the connection is given up anyway.`,
    );
  }
  return { writeTimeoutMs, answerTimeoutMs };
}

function spoolOf(given: RequestSpoolOptions): SpoolSettings {
  const spool = filled(given, SPOOL_DEFAULTS);
  const leastMs = 5 * spool.syncIntervalMs;
  const adoptAfterMs = given.adoptAfterMs ?? Math.max(SPOOL_DEFAULTS.adoptAfterMs, leastMs);
  if (adoptAfterMs < leastMs) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `requestLog.spool.adoptAfterMs is ${adoptAfterMs}: give at least ${leastMs}, five times syncIntervalMs, or a process that lives is taken for dead.`,
    );
  }
  return { ...spool, adoptAfterMs };
}
