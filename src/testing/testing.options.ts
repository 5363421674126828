import { EDGE_CHECKS, type EdgeOptions } from '../edge/edge.options.js';
import type { GeoPlace } from '../geo/geo-provider.js';
import { LIMITS_CHECKS, type RateLimitOptions } from '../limits/limits.options.js';
import type { ClientIpRequest } from '../net/client-ip.options.js';
import { requireIp } from '../net/ip-address.js';
import { checkObject, invalid, type Check } from '../options/checks.js';
import { requirePrefix } from '../rules/rule-input.js';
import { RULES_CHECKS, type RulesOptions } from '../rules/rules.options.js';

/** Who the client is: an address, null for a client without one, or a function of node's request. */
export type TestClient = string | null | ((request: ClientIpRequest) => string | null);

/** Where clients are: one place for all, or a function of the address. */
export type TestPlace = Partial<GeoPlace> | ((ipAddress: string) => Partial<GeoPlace>);

/** The rules of a test: those that are stored when it begins, and what `rules` says of all of them. */
export interface TestRules extends Omit<
  RulesOptions,
  'pollIntervalMs' | 'startTimeoutMs' | 'withoutRules' | 'follow'
> {
  /** Addresses and networks that are let in, whatever blocks them. @default none */
  allow?: string[];
  /** Addresses and networks that are refused. @default none */
  block?: string[];
  /** Addresses and networks whose requests are noted. @default none */
  monitor?: string[];
}

/** What `IpTrackingTestingModule` is given. All of it can be left out. */
export interface IpTrackingTestingOptions extends EdgeOptions {
  /** When the test begins: a date, or epoch milliseconds. Time stands still until the test moves it. @default now */
  now?: Date | number;
  /** Who the client of every request is. @default as `clientIp` says: the socket's address, 127.0.0.1 */
  client?: TestClient;
  /** Where clients are. @default unknown */
  place?: TestPlace;
  /** The rules, or `false` for none at all. @default none is stored */
  rules?: false | TestRules;
  /** What `rateLimits` says, or `false` for no limits. @default the module's own: 10 a minute for a user, 5 for anybody else */
  limits?: false | Omit<RateLimitOptions, 'redis' | 'storage'>;
}

const networks: Check = (path, value) => {
  if (!Array.isArray(value)) invalid(path, value, "give a list, such as ['203.0.113.0/24']");
  for (const network of value as unknown[]) requirePrefix(network);
};

const { redis: _redis, storage: _storage, ...LIMIT_CHECKS } = LIMITS_CHECKS;
const {
  pollIntervalMs: _pollIntervalMs,
  startTimeoutMs: _startTimeoutMs,
  withoutRules: _withoutRules,
  follow: _follow,
  ...RULE_CHECKS
} = RULES_CHECKS;
const LISTS = { allow: networks, block: networks, monitor: networks };

const OPTIONS: Record<keyof IpTrackingTestingOptions, Check> = {
  ...EDGE_CHECKS,
  now: (path, value) => {
    const ms = value instanceof Date ? value.getTime() : value;
    if (!Number.isFinite(ms)) invalid(path, value, 'give a Date, or epoch milliseconds');
  },
  client: (path, value) => {
    if (value !== null && typeof value !== 'function') requireIp(value as string, path);
  },
  place: (path, value) => {
    if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return;
    invalid(path, value, "give a place, such as { country: 'DE' }, or a function of the address");
  },
  rules: (path, value) => {
    if (value !== false) checkObject(path, value, { ...RULE_CHECKS, ...LISTS });
  },
  limits: (path, value) => {
    if (value !== false) checkObject(path, value, LIMIT_CHECKS);
  },
};

/**
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION`, `IPT_INVALID_OPTION`, `IPT_INVALID_IP` or `IPT_INVALID_PREFIX`, naming the
 * option, its value and the fix.
 */
export function checkTestingOptions(options: IpTrackingTestingOptions): void {
  checkObject('', options, OPTIONS);
}
