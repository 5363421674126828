import { IpTrackingError } from '../ip-tracking.errors.js';
import {
  callable,
  checkObject,
  flag,
  oneOf,
  show,
  wholeNumber,
  withMethods,
  type Check,
} from '../options/checks.js';
import { identifyByUserKeys, type Identify } from '../edge/identify.js';
import type { LimitStorage } from './store/limit-storage.js';
import type {
  LimitDetails,
  LimitValue,
  RateLimitHeaders,
  RateLimitOptions,
  RouteRateLimit,
} from './rate-limit.options.js';
import type { RedisLimitStorageOptions } from './store/redis/redis-limit-storage.options.js';

/** The name of the bucket over all routes that have none of their own. */
export const SHARED_LIMIT = 'sensitive';
const NAME = /^[\w.:-]{1,64}$/;

/** The options with every default filled in. */
export interface RateLimitSettings extends Required<LimitDetails> {
  isEnabled: boolean;
  identify: Identify;
  ipv6PrefixLength: number;
  routes: 'decorated' | 'all';
  checkAt: 'guards' | 'edge';
  exemptAllowed: boolean;
  headers: Required<RateLimitHeaders>;
  refusal: NonNullable<RateLimitOptions['refusal']> | null;
  onThrottled: NonNullable<RateLimitOptions['onThrottled']> | null;
  redis: RedisLimitStorageOptions | null;
  storage: LimitStorage | null;
}

const LIMIT_CHECKS: Record<keyof LimitDetails, Check> = {
  authenticated: limit(0),
  anonymous: limit(0),
  ttlMs: valueOrFunction(wholeNumber(1)),
  blockForMs: wholeNumber(0),
  failClosed: flag,
};

/** How each option of {@link RateLimitOptions} is checked. */
export const RATE_LIMIT_CHECKS: Record<keyof RateLimitOptions, Check> = {
  ...LIMIT_CHECKS,
  identify: (path, value) => {
    if (typeof value === 'function') return;
    const isList = Array.isArray(value) && value.length > 0;
    if (isList && value.every((name) => typeof name === 'string' && name !== '')) return;
    invalid(path, value, "give a function, or the names of request.user's keys, such as ['id']");
  },
  ipv6PrefixLength: wholeNumber(1, 128),
  routes: oneOf('decorated', 'all'),
  checkAt: oneOf('guards', 'edge'),
  exemptAllowed: flag,
  headers: (path, value) => {
    if (value !== false) checkObject(path, value, { standard: flag, legacy: flag });
  },
  refusal: callable,
  onThrottled: callable,
  redis: (path, value) =>
    checkObject(path, value, {
      client: () => undefined,
      url: () => undefined,
      keyPrefix: () => undefined,
      commandTimeoutMs: wholeNumber(1),
      refusalCacheMs: wholeNumber(0),
    }),
  storage: withMethods('a LimitStorage', 'hit', 'peek', 'release', 'reset'),
};

const ROUTE_CHECKS: Record<keyof RouteRateLimit, Check> = {
  ...LIMIT_CHECKS,
  name: (path, value) => {
    if (typeof value !== 'string' || !NAME.test(value)) {
      invalid(path, value, 'give 1 to 64 letters, digits or ._:-');
    }
  },
  cost: valueOrFunction(wholeNumber(1)),
  countOnly: (path, value) => {
    if (typeof value !== 'function') oneOf('failures')(path, value);
  },
};

/** Fills in the defaults of options that have passed {@link RATE_LIMIT_CHECKS}. */
export function rateLimitSettings(given: RateLimitOptions | false | undefined): RateLimitSettings {
  const options = given || {};
  const headers = options.headers === false ? { standard: false } : options.headers;
  return {
    isEnabled: given !== false,
    authenticated: options.authenticated ?? 10,
    anonymous: options.anonymous ?? 5,
    ttlMs: options.ttlMs ?? 60_000,
    blockForMs: options.blockForMs ?? 0,
    failClosed: options.failClosed ?? false,
    identify:
      typeof options.identify === 'function'
        ? options.identify
        : identifyByUserKeys(options.identify ?? ['id', 'sub']),
    ipv6PrefixLength: options.ipv6PrefixLength ?? 64,
    routes: options.routes ?? 'decorated',
    checkAt: options.checkAt ?? 'guards',
    exemptAllowed: options.exemptAllowed ?? false,
    headers: { standard: headers?.standard ?? true, legacy: headers?.legacy ?? false },
    refusal: options.refusal ?? null,
    onThrottled: options.onThrottled ?? null,
    redis: options.redis ?? null,
    storage: options.storage ?? null,
  };
}

/**
 * Checks what a decorator was given.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` or `IPT_INVALID_OPTION`, when the class is loaded.
 */
export function checkRouteLimit(given: RouteRateLimit): void {
  checkObject('@RateLimit()', given, ROUTE_CHECKS);
}

/** Whether a number that a host's function has given is one that the option may be. */
export function isLimitValue(option: 'limit' | 'ttlMs' | 'cost', value: unknown): value is number {
  if (typeof value !== 'number') return false;
  if (option === 'limit') return value >= 0;
  return option === 'ttlMs' ? value > 0 && value < Infinity : Number.isInteger(value) && value >= 1;
}

function limit(min: number): Check {
  const whole = wholeNumber(min);
  return valueOrFunction((path, value) => {
    if (value !== Infinity) whole(path, value);
  });
}

function valueOrFunction(check: Check): Check {
  return (path, value: LimitValue | unknown) => {
    if (typeof value !== 'function') check(path, value);
  };
}

function invalid(path: string, value: unknown, wanted: string): never {
  throw new IpTrackingError('IPT_INVALID_OPTION', `${path} is ${show(value)}: ${wanted}.`);
}
