import {
  checkDatabase,
  requireDatabase,
  type DatabaseOptions,
} from './database/database.options.js';
import {
  DETECTION_CHECKS,
  checkResponse,
  detectionSettings,
  type DetectionOptions,
  type DetectionSettings,
} from './detection/detection.options.js';
import {
  EDGE_CHECKS,
  edgeSettings,
  type EdgeOptions,
  type EdgeSettings,
} from './edge/edge.options.js';
import { GEO_CHECKS, geoSettings, type GeoOptions, type GeoSettings } from './geo/geo.options.js';
import {
  LIMITS_CHECKS,
  limitsSettings,
  type LimitsSettings,
  type RateLimitOptions,
} from './limits/limits.options.js';
import type { ClientIpOptions } from './net/client-ip.js';
import { checkObject, flag, part, type Check } from './options/checks.js';
import {
  checkPrivacy,
  privacySettings,
  type PrivacyOptions,
  type PrivacySettings,
} from './privacy/privacy.options.js';
import { token } from './provide.js';
import {
  REQUEST_LOG_CHECKS,
  requestLogSettings,
  type RequestLogOptions,
  type RequestLogSettings,
} from './request-log/request-log.options.js';
import {
  checkPlaces,
  RULES_CHECKS,
  rulesSettings,
  type RulesOptions,
  type RulesSettings,
} from './rules/rules.options.js';
import {
  SIGNALS_CHECKS,
  signalsSettings,
  type SignalsOptions,
  type SignalsSettings,
} from './signals/signals.options.js';
import { checkStateDir, type StateOptions, type StateSettings } from './state/state.options.js';

/** The options of `IpTrackingModule`. Each part can be switched off with `false`. */
export interface IpTrackingOptions extends EdgeOptions, StateOptions {
  /**
   * `false` switches all of it off: nothing stands in a request's way, nothing is stored, no database is needed, and
   * whatever the module exports is there and does nothing. The values of the other options are not looked at then.
   *
   * @default true
   */
  enabled?: boolean;
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
  /** What is looked for in each request, once it has ended. `false`: detection sees no more than counts. */
  signals?: false | SignalsOptions;
  /** Country and city of clients. `false`: every place is unknown. */
  geo?: false | GeoOptions;
  /** What is kept of a client's address, query string and user agent. */
  privacy?: PrivacyOptions;
  /** Limits on `@Sensitive()` and `@RateLimit()` routes. `false`: nobody is limited. */
  rateLimits?: false | RateLimitOptions;
  /** The hourly detection. `false`: nobody is flagged. */
  detection?: false | DetectionOptions;
}

/** The options of a module that is off, and needs none of the others. */
export interface DisabledIpTrackingOptions extends Partial<IpTrackingOptions> {
  enabled: false;
}

/** The options with every default filled in, by the rooms that read them. */
export interface IpTrackingSettings {
  /** Null where there is none. */
  readonly database: DatabaseOptions | null;
  readonly clientIp: ClientIpOptions;
  readonly edge: EdgeSettings;
  readonly rules: RulesSettings;
  readonly requestLog: RequestLogSettings;
  readonly signals: SignalsSettings;
  readonly geo: GeoSettings;
  readonly privacy: PrivacySettings;
  readonly limits: LimitsSettings;
  readonly detection: DetectionSettings;
  readonly state: StateSettings;
}

export const IP_TRACKING_SETTINGS = token<IpTrackingSettings>('settings');

/** How each of {@link IpTrackingOptions} is checked. */
const OPTION_CHECKS: Record<keyof IpTrackingOptions, Check> = {
  enabled: flag,
  database: checkDatabase,
  // The resolver checks its own options when it is made.
  clientIp: () => undefined,
  ...EDGE_CHECKS,
  rules: part(RULES_CHECKS),
  requestLog: part(REQUEST_LOG_CHECKS),
  signals: part(SIGNALS_CHECKS),
  geo: part(GEO_CHECKS),
  privacy: checkPrivacy,
  rateLimits: part(LIMITS_CHECKS),
  detection: part(DETECTION_CHECKS),
  stateDir: checkStateDir,
};

const NAMES_ALONE = Object.fromEntries(
  Object.keys(OPTION_CHECKS).map((name) => [name, () => undefined]),
);

const ALL_OFF = {
  enabled: false,
  rules: false,
  requestLog: false,
  signals: false,
  geo: false,
  rateLimits: false,
  detection: false,
  stateDir: false,
} as const satisfies Partial<IpTrackingOptions>;

/**
 * Checks what a host has configured and fills in the defaults.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` or `IPT_INVALID_OPTION`, naming the option, its value and the fix.
 */
export function resolveOptions(
  options: IpTrackingOptions | DisabledIpTrackingOptions,
): IpTrackingSettings {
  if (options.enabled === false) {
    checkObject('', options, NAMES_ALONE);
    return settingsOf(ALL_OFF, null);
  }
  checkObject('', options, OPTION_CHECKS);
  return settingsOf(options, requireDatabase(options.database));
}

/** Fills in the defaults of options that have been checked. */
function settingsOf(
  options: Omit<IpTrackingOptions, 'database'>,
  database: DatabaseOptions | null,
): IpTrackingSettings {
  const rules = rulesSettings(options.rules);
  const geo = geoSettings(options.geo);
  checkPlaces(rules, geo);
  const detection = detectionSettings(options.detection);
  checkResponse(detection, rules);
  const requestLog = requestLogSettings(options.requestLog, database);
  const hasSpool = requestLog.isEnabled && requestLog.spool !== null;
  return {
    database,
    clientIp: options.clientIp ?? { strategy: 'socket' },
    edge: edgeSettings(options, options.enabled !== false),
    rules,
    requestLog,
    signals: signalsSettings(options.signals),
    geo,
    privacy: privacySettings(options.privacy ?? {}),
    limits: limitsSettings(options.rateLimits),
    detection,
    state: {
      stateDir: options.stateDir,
      isNeeded: (rules.isEnabled && rules.follow) || hasSpool,
    },
  };
}
