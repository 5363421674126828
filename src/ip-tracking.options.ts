import type { DatabaseOptions } from './database/data-source.js';
import type { GeoProvider } from './geo/geo-provider.js';
import type { ClientIpOptions } from './net/client-ip.js';
import type { PrivacyOptions } from './privacy/privacy.options.js';
import type { Enrich } from './request-log/capture/enrich.js';
import type { RequestSink } from './request-log/record/request-record.js';
import type { RuleMode } from './rules/decide.js';
import type { BlockedRequest, RefusalFactory } from './rules/refusal.js';
import type { RateLimitOptions } from './limits/rate-limit.options.js';

/** The options of `IpTrackingModule`. Each part can be switched off with `false`. */
export interface IpTrackingOptions {
  /** How to reach PostgreSQL: `{ url }` for a small pool of the module's own, or `{ dataSource }` for the host's. */
  database: DatabaseOptions;
  /**
   * Who the client of a request is. The default believes no header at all: behind a proxy, say which one is trusted.
   *
   * @default { strategy: 'socket' }
   */
  clientIp?: ClientIpOptions;
  /** Allow and block rules. `false`: everybody is let in. */
  rules?: false | RulesOptions;
  /** The log of every request. `false`: nothing is logged. */
  requestLog?: false | RequestLogOptions;
  /** Country and city of clients. `false`: every place is unknown. */
  geo?: false | GeoOptions;
  /** What is kept of a client's address, query string and user agent. */
  privacy?: PrivacyOptions;
  /** Limits on `@Sensitive()` and `@RateLimit()` routes. `false`: nobody is limited. */
  rateLimits?: false | RateLimitOptions;
  /** The hourly detection. `false`: nobody is flagged. */
  anomalies?: false | AnomalyOptions;
  /**
   * A folder for what outlives the process, private to its user: the last known rules, for a boot without the
   * database, and the records that the database has not taken. `false`: nothing is kept on disk.
   *
   * @default a folder of this user's and database's under the system's temporary one
   */
  stateDir?: string | false;
}

export interface RulesOptions {
  /** `blocklist` lets in whom no rule blocks; `allowlist` lets in whom a rule allows, and nobody else. @default 'blocklist' */
  mode?: RuleMode;
  /** How often the rules are compared with the database should a notification be lost, in milliseconds. @default 5000 */
  pollIntervalMs?: number;
  /** How long the app's start waits for the first load of the rules, in milliseconds. @default 3000 */
  startTimeoutMs?: number;
  /** Follow the database. `false` is for programs that change rules but serve no requests. @default true */
  live?: boolean;
  /**
   * End the open WebSockets of a client who becomes blocked. With `false` they stay open: his messages are refused, but
   * for handlers that say `@SkipIpRules()`, and what is broadcast still reaches him.
   *
   * @default true
   */
  endWebSockets?: boolean;
  /** Countries that are refused, as ISO 3166-1 codes such as `DE`. An unknown country is not. @default none */
  blockCountries?: string[];
  /** The only countries that are let in. An unknown country is refused; an allow rule lets it in. @default all */
  allowCountries?: string[];
  /** Makes the answer to a refused client: a page, or another status such as 451 or 404. @default 403 in JSON */
  refusal?: RefusalFactory;
  /** Told of every refusal, after it was decided. What it throws or rejects with is swallowed. */
  onBlocked?: (blocked: BlockedRequest) => unknown;
}

export interface RequestLogOptions {
  /**
   * Adds what you like to each record: a plain object of at most 8192 bytes of JSON, stored in `extra`. Called when the
   * request is over and must not wait; what it throws costs the record its `extra`, and nothing else.
   */
  enrich?: Enrich;
  /**
   * Paths whose uneventful requests are not logged, with all that is below them, compared segment by segment: health
   * checks, static files. What was refused by anybody or has failed is logged all the same, and so is whatever a monitor
   * rule or `@Sensitive()` is interested in.
   *
   * @default none
   */
  skipPaths?: string[];
  /**
   * The share of served requests that is logged, from 0 to 1, drawn for each. Requests with any other outcome, of
   * sensitive routes and paths, and those that a monitor rule has matched are always logged. What counts rows then
   * counts the sample: the hourly figures, and the detection of volume.
   *
   * @default 1
   */
  sampleServed?: number;
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
  /**
   * How long rows are kept, in days, by dropping the partitions of whole days; 0 for ever. Only days that are older than
   * this by the app's clock, by PostgreSQL's and by the newest row are dropped. @default 30
   */
  retentionDays?: number;
  /** How long the hourly figures in `request_rollup` are kept, in days; 0 for ever. @default 400 */
  rollupRetentionDays?: number;
  /** Where records go instead of PostgreSQL. */
  sink?: RequestSink;
}

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

export interface GeoOptions {
  /**
   * Where places come from: `MaxMindProvider`, `RemoteGeoProvider`, `ChainGeoProvider`, or one of your own.
   *
   * @default geoip-lite, if it is installed
   */
  provider?: GeoProvider;
  /** How long a record waits for the place of a provider that answers later, in milliseconds. @default 1000 */
  lookupTimeoutMs?: number;
  /** Warn at the start of the app where the provider's data is older, in days; 0 for never. @default 365 */
  warnAfterDays?: number;
  /** How long a place is kept, in milliseconds. @default 86400000 (24 hours) */
  cacheTtlMs?: number;
  /** How many addresses are kept at most. @default 50000 */
  cacheMaxEntries?: number;
}

export interface AnomalyOptions {
  /** Requests within an hour beyond which a client is flagged. @default 100 */
  requestsPerHour?: number;
  /**
   * Paths that flag whoever asks for them, with all that is below them, compared segment by segment.
   *
   * @default ['/admin', '/login']
   */
  sensitivePaths?: string[];
  /** Run the scan every hour in this process. @default true */
  cron?: boolean;
}
