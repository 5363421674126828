import type { DatabaseOptions } from './database/data-source.js';
import type { GeoProvider } from './geo/geo-provider.js';
import { IpTrackingError } from './ip-tracking.errors.js';
import type {
  AnomalyOptions,
  GeoOptions,
  IpTrackingOptions,
  RulesOptions,
} from './ip-tracking.options.js';
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
} from './options/checks.js';
import {
  PRIVACY_CHECKS,
  privacySettings,
  type PrivacySettings,
} from './privacy/privacy-settings.js';
import {
  REQUEST_LOG_CHECKS,
  requestLogSettings,
  type ResolvedRequestLog,
} from './resolved-request-log.js';
import { countrySet } from './rules/countries.js';
import type { BlockedRequest, RefusalFactory } from './rules/refusal.js';
import {
  RATE_LIMIT_CHECKS,
  rateLimitSettings,
  type RateLimitSettings,
} from './limits/rate-limit-settings.js';

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
  requestLog: ResolvedRequestLog;
  geo: Filled<GeoOptions, 'provider'> & { isEnabled: boolean; provider: GeoProvider | null };
  privacy: PrivacySettings;
  rateLimits: RateLimitSettings;
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
      endWebSockets: flag,
      blockCountries: (path, value) => void countrySet(path, value as string[]),
      allowCountries: (path, value) => void countrySet(path, value as string[]),
      refusal: callable,
      onBlocked: callable,
    }),
    requestLog: part(REQUEST_LOG_CHECKS),
    geo: part({
      provider: withMethods('a GeoProvider', 'lookup'),
      cacheTtlMs: wholeNumber(1),
      cacheMaxEntries: wholeNumber(1),
      lookupTimeoutMs: wholeNumber(1, 60_000),
      warnAfterDays: wholeNumber(0),
    }),
    privacy: (path, value) => checkObject(path, value, PRIVACY_CHECKS),
    rateLimits: part(RATE_LIMIT_CHECKS),
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
  const geo = options.geo || {};
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
      endWebSockets: rules.endWebSockets ?? true,
      blockCountries: countriesOf('rules.blockCountries', rules.blockCountries),
      allowCountries: countriesOf('rules.allowCountries', rules.allowCountries),
      refusal: rules.refusal ?? null,
      onBlocked: rules.onBlocked ?? null,
    },
    requestLog: requestLogSettings(options.requestLog, options.database),
    geo: {
      isEnabled: options.geo !== false,
      provider: geo.provider ?? null,
      cacheTtlMs: geo.cacheTtlMs ?? 24 * 60 * 60 * 1_000,
      cacheMaxEntries: geo.cacheMaxEntries ?? 50_000,
      lookupTimeoutMs: geo.lookupTimeoutMs ?? 1_000,
      warnAfterDays: geo.warnAfterDays ?? 365,
    },
    privacy: privacySettings(options.privacy ?? {}),
    rateLimits: rateLimitSettings(options.rateLimits),
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
