import { IpTrackingError } from './ip-tracking.errors.js';
import type { DatabaseOptions } from './database/data-source.js';
import type { GeoProvider } from './geo/geo-provider.js';
import type { ClientIpOptions } from './net/client-ip.js';
import {
  callable,
  checkObject,
  flag,
  oneOf,
  part,
  pathList,
  show,
  wholeNumber,
  withMethods,
} from './option-checks.js';
import type { RequestSink } from './request-log/request-record.js';
import type { RuleMode } from './rules/decide.js';
import { identifyByRequestUser, type Identify } from './throttle/identify.js';
import type { LimitStorage } from './throttle/limit-storage.js';

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
  /** Limits on `@Sensitive()` routes. `false`: nobody is limited. */
  rateLimits?: false | RateLimitOptions;
  /** The hourly detection. `false`: nobody is flagged. */
  anomalies?: false | AnomalyOptions;
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
}

export interface RequestLogOptions {
  /** How long a record waits for company before it is written, in milliseconds. @default 100 */
  flushIntervalMs?: number;
  /** Records written at once at most. @default 1000 */
  maxBatchSize?: number;
  /** Records held in memory while the database is gone; beyond it the newest are dropped and counted. @default 100000 */
  maxQueued?: number;
  /** How long the shutdown waits for the last records, in milliseconds. @default 5000 */
  shutdownTimeoutMs?: number;
  /** Where records go instead of PostgreSQL. */
  sink?: RequestSink;
}

export interface GeoOptions {
  /** Where places come from. @default geoip-lite, if it is installed */
  provider?: GeoProvider;
  /** How long a place is kept, in milliseconds. @default 86400000 (24 hours) */
  cacheTtlMs?: number;
  /** How many addresses are kept at most. @default 50000 */
  cacheMaxEntries?: number;
}

export interface RateLimitOptions {
  /** Requests of one authenticated user in a window. @default 10 */
  authenticated?: number;
  /** Requests of one anonymous client in a window. @default 5 */
  anonymous?: number;
  /** The length of the window, in milliseconds. @default 60000 */
  ttlMs?: number;
  /** Tells who is asking: the user's id, or null while it is not known. @default reads `request.user.id`, else `request.user.sub` */
  identify?: Identify;
  /** IPv6 clients are counted by networks of this length. @default 64 */
  ipv6PrefixLength?: number;
  /** Where the counters live. @default this process' memory */
  storage?: LimitStorage;
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

type Filled<T> = Required<Omit<T, 'provider' | 'storage' | 'sink'>>;

/** The options with every default filled in; read by the module alone. */
export interface ResolvedOptions {
  database: DatabaseOptions;
  clientIp: ClientIpOptions;
  rules: Filled<RulesOptions> & { isEnabled: boolean };
  requestLog: Filled<RequestLogOptions> & { isEnabled: boolean; sink: RequestSink | null };
  geo: Filled<GeoOptions> & { isEnabled: boolean; provider: GeoProvider | null };
  rateLimits: Filled<RateLimitOptions> & { isEnabled: boolean; storage: LimitStorage | null };
  anomalies: Filled<AnomalyOptions> & { isEnabled: boolean };
}

/**
 * Checks what a host has configured and fills in the defaults.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` or `IPT_INVALID_OPTION`, naming the option, its value and the fix.
 */
export function resolveOptions(options: IpTrackingOptions): ResolvedOptions {
  checkObject('', options, {
    database: checkDatabase,
    // The resolver checks its own options when it is made.
    clientIp: () => undefined,
    rules: part({
      mode: oneOf('blocklist', 'allowlist'),
      pollIntervalMs: wholeNumber(100),
      startTimeoutMs: wholeNumber(0),
      live: flag,
    }),
    requestLog: part({
      flushIntervalMs: wholeNumber(1, 60_000),
      maxBatchSize: wholeNumber(1, 100_000),
      maxQueued: wholeNumber(1),
      shutdownTimeoutMs: wholeNumber(0),
      sink: withMethods('a RequestSink', 'write'),
    }),
    geo: part({
      provider: withMethods('a GeoProvider', 'lookup'),
      cacheTtlMs: wholeNumber(1),
      cacheMaxEntries: wholeNumber(1),
    }),
    rateLimits: part({
      authenticated: wholeNumber(0),
      anonymous: wholeNumber(0),
      ttlMs: wholeNumber(1),
      identify: callable,
      ipv6PrefixLength: wholeNumber(1, 128),
      storage: withMethods('a LimitStorage', 'hit', 'release'),
    }),
    anomalies: part({
      requestsPerHour: wholeNumber(1),
      sensitivePaths: pathList,
      cron: flag,
    }),
  });
  if (options.database === undefined) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      "database is missing: give { url: 'postgres://user:password@host:5432/name' } or { dataSource }.",
    );
  }
  const rules = options.rules || {};
  const requestLog = options.requestLog || {};
  const geo = options.geo || {};
  const rateLimits = options.rateLimits || {};
  const anomalies = options.anomalies || {};
  return {
    database: options.database,
    clientIp: options.clientIp ?? { strategy: 'socket' },
    rules: {
      isEnabled: options.rules !== false,
      mode: rules.mode ?? 'blocklist',
      pollIntervalMs: rules.pollIntervalMs ?? 5_000,
      startTimeoutMs: rules.startTimeoutMs ?? 3_000,
      live: rules.live ?? true,
    },
    requestLog: {
      isEnabled: options.requestLog !== false,
      flushIntervalMs: requestLog.flushIntervalMs ?? 100,
      maxBatchSize: requestLog.maxBatchSize ?? 1_000,
      maxQueued: requestLog.maxQueued ?? 100_000,
      shutdownTimeoutMs: requestLog.shutdownTimeoutMs ?? 5_000,
      sink: requestLog.sink ?? null,
    },
    geo: {
      isEnabled: options.geo !== false,
      provider: geo.provider ?? null,
      cacheTtlMs: geo.cacheTtlMs ?? 24 * 60 * 60 * 1_000,
      cacheMaxEntries: geo.cacheMaxEntries ?? 50_000,
    },
    rateLimits: {
      isEnabled: options.rateLimits !== false,
      authenticated: rateLimits.authenticated ?? 10,
      anonymous: rateLimits.anonymous ?? 5,
      ttlMs: rateLimits.ttlMs ?? 60_000,
      identify: rateLimits.identify ?? identifyByRequestUser,
      ipv6PrefixLength: rateLimits.ipv6PrefixLength ?? 64,
      storage: rateLimits.storage ?? null,
    },
    anomalies: {
      isEnabled: options.anomalies !== false,
      requestsPerHour: anomalies.requestsPerHour ?? 100,
      sensitivePaths: anomalies.sensitivePaths ?? ['/admin', '/login'],
      cron: anomalies.cron ?? true,
    },
  };
}

function checkDatabase(path: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && 'dataSource' in value) {
    checkObject(path, value, {
      dataSource: withMethods('a TypeORM DataSource', 'initialize', 'getRepository'),
    });
    return;
  }
  checkObject(path, value, {
    url: checkUrl,
    migrationsRun: flag,
    poolSize: wholeNumber(1, 100),
    connectTimeoutMs: wholeNumber(1),
    statementTimeoutMs: wholeNumber(1),
  });
  checkUrl(`${path}.url`, (value as { url?: unknown }).url);
}

function checkUrl(path: string, value: unknown): void {
  if (typeof value === 'string' && /^postgres(ql)?:\/\//.test(value) && URL.canParse(value)) return;
  // The value may hold a password, so only what is certainly none is shown.
  const shown = typeof value === 'string' && value !== '' ? 'not a PostgreSQL URL' : show(value);
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `${path} is ${shown}: give one such as postgres://user:password@host:5432/name. Is the environment variable set?`,
  );
}
