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
import { countrySet } from './rules/countries.js';
import type { RuleMode } from './rules/decide.js';
import type { BlockedRequest, RefusalFactory } from './rules/refusal.js';
import { identifyByRequestUser, type Identify } from './throttle/identify.js';
import type { LimitStorage } from './throttle/limit-storage.js';
import type { RedisLimitStorageOptions } from './throttle/redis-limit-storage.js';

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
  /**
   * A folder for what outlives the process, private to its user: the last known rules, for a boot without the
   * database. `false`: nothing is kept on disk.
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
  /** Counts in Redis or Valkey, for several processes to share; while it is down each process counts for itself. */
  redis?: RedisLimitStorageOptions;
  /** Where the counters live instead. @default this process' memory */
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

type Filled<T, Optional extends keyof T = never> = Required<Omit<T, Optional>>;

/** The options with every default filled in; read by the module alone. */
export interface ResolvedOptions {
  database: DatabaseOptions;
  clientIp: ClientIpOptions;
  rules: Filled<RulesOptions, 'blockCountries' | 'allowCountries' | 'refusal' | 'onBlocked'> & {
    isEnabled: boolean;
    blockCountries: ReadonlySet<string> | null;
    allowCountries: ReadonlySet<string> | null;
    refusal: RefusalFactory | null;
    onBlocked: ((blocked: BlockedRequest) => unknown) | null;
  };
  requestLog: Filled<RequestLogOptions, 'sink'> & { isEnabled: boolean; sink: RequestSink | null };
  geo: Filled<GeoOptions, 'provider'> & { isEnabled: boolean; provider: GeoProvider | null };
  rateLimits: Filled<RateLimitOptions, 'storage' | 'redis'> & {
    isEnabled: boolean;
    storage: LimitStorage | null;
    redis: RedisLimitStorageOptions | null;
  };
  anomalies: Filled<AnomalyOptions> & { isEnabled: boolean };
  /** `undefined` for the default folder. */
  stateDir: string | false | undefined;
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
      blockCountries: (path, value) => void countrySet(path, value as string[]),
      allowCountries: (path, value) => void countrySet(path, value as string[]),
      refusal: callable,
      onBlocked: callable,
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
      redis: part({
        client: () => undefined,
        url: () => undefined,
        keyPrefix: () => undefined,
        commandTimeoutMs: wholeNumber(1),
        refusalCacheMs: wholeNumber(0),
      }),
      storage: withMethods('a LimitStorage', 'hit', 'release'),
    }),
    anomalies: part({
      requestsPerHour: wholeNumber(1),
      sensitivePaths: pathList,
      cron: flag,
    }),
    stateDir: (path, value) => {
      if (value === false || (typeof value === 'string' && value !== '')) return;
      throw new IpTrackingError(
        'IPT_INVALID_OPTION',
        `${path} is ${show(value)}: give the path of a folder, or false.`,
      );
    },
  });
  if (options.database === undefined) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      "database is missing: give { url: 'postgres://user:password@host:5432/name' } or { dataSource }.",
    );
  }
  const rules = options.rules || {};
  if ((rules.blockCountries ?? rules.allowCountries) !== undefined && options.geo === false) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      'geo is false, but rules.blockCountries and rules.allowCountries need places: leave geo out, or those.',
    );
  }
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
      blockCountries: countriesOf('rules.blockCountries', rules.blockCountries),
      allowCountries: countriesOf('rules.allowCountries', rules.allowCountries),
      refusal: rules.refusal ?? null,
      onBlocked: rules.onBlocked ?? null,
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
      redis: rateLimits.redis ?? null,
    },
    anomalies: {
      isEnabled: options.anomalies !== false,
      requestsPerHour: anomalies.requestsPerHour ?? 100,
      sensitivePaths: anomalies.sensitivePaths ?? ['/admin', '/login'],
      cron: anomalies.cron ?? true,
    },
    stateDir: options.stateDir,
  };
}

function countriesOf(path: string, list: string[] | undefined): ReadonlySet<string> | null {
  return list === undefined ? null : countrySet(path, list);
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
