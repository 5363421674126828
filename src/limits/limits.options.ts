import type { Type } from '@nestjs/common';
import type { ThrottlerGuard } from '@nestjs/throttler';
import type { CustomRefusal } from '../edge/custom-refusal.js';
import {
  callable,
  checkObject,
  flag,
  invalid,
  oneOf,
  wholeNumber,
  withMethods,
  type Check,
} from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import type { LimitStorage } from './store/limit-storage.js';
import type { RedisLimitStorageOptions } from './store/redis/redis-limit-storage.options.js';
import { token } from '../provide.js';

/**
 * A number, or a function of the request, as the host's handlers see it and under the type that it has there, that gives
 * one. It must not block; where it throws or gives no number, the module's default counts, and a warning says so once.
 */
export type LimitValue = number | { limit(request: unknown): number }['limit'];

/** What is known of an attempt when its answer has been sent. */
export interface AttemptEnding {
  /** The status that was sent, or that says the same of a message. */
  status: number;
  /** It was answered, and wholly. */
  isComplete: boolean;
}

/** A request that was refused by a limit. Everything in it but the limit may be hostile. */
export interface ThrottledRequest {
  ipAddress: string | null;
  ipSource: string;
  /** The user whose limit it was; null where an address's was. */
  userId: string | null;
  method: string;
  /** The request's target as it came. */
  url: string;
  /** The limit's name. */
  name: string;
  limit: number;
  /** Milliseconds until the next attempt can pass. */
  retryAfterMs: number;
}

/** Which header fields tell a client their limit, on every answer of a limited route. */
export interface RateLimitHeaders {
  /** `RateLimit` and `RateLimit-Policy`, as in draft-ietf-httpapi-ratelimit-headers-10. @default true */
  standard?: boolean;
  /** `X-RateLimit-Limit`, `-Remaining` and `-Reset` (in seconds), as @nestjs/throttler sends them. @default false */
  legacy?: boolean;
}

/** What one limit says; `@RateLimit()` takes it for a route, `rateLimits` for all of them. */
export interface LimitDetails {
  /** Requests of one authenticated user in a window; 0 lets none pass, `Infinity` all. @default 10 */
  authenticated?: LimitValue;
  /** Requests of one anonymous client in a window; 0 lets none pass, `Infinity` all. @default 5 */
  anonymous?: LimitValue;
  /** The length of the window, in milliseconds. @default 60000 */
  ttlMs?: LimitValue;
  /** For how long everything is refused after a breach, in milliseconds. Attempts meanwhile do not extend it. @default 0 */
  blockForMs?: number;
  /**
   * What happens while the shared store is down: `true` answers 503, `false` counts in each process for itself.
   *
   * @default false
   */
  failClosed?: boolean;
}

/** What `@RateLimit()` says of a controller or a handler; what it leaves out is the module's. */
export interface RouteRateLimit extends LimitDetails {
  /**
   * The bucket's name: routes that share it share the limit. Letters, digits and `._:-`, 64 at most.
   *
   * @default the controller's, or the controller's and the handler's: a bucket of its own
   */
  name?: string;
  /** Units that one request takes, a whole number of at least 1. @default 1 */
  cost?: LimitValue;
  /**
   * `'failures'` gives the slot back where the answer was a success (below 400, and complete): for login routes. A
   * function says of each answer whether it counts.
   *
   * @default everything counts
   */
  countOnly?: 'failures' | { counts(ending: AttemptEnding, request: unknown): boolean }['counts'];
}

/** Limits on `@Sensitive()` and `@RateLimit()` routes. */
export interface RateLimitOptions extends LimitDetails {
  /** Which routes of HTTP are limited: those with a decorator, or every one. @default 'decorated' */
  routes?: 'decorated' | 'all';
  /**
   * When an attempt is counted: just before the first guard, when middleware may already know the user; or at the edge,
   * before any middleware, for hosts whose middleware itself refuses who is not authenticated.
   *
   * @default 'guards'
   */
  checkAt?: 'guards' | 'edge';
  /** Clients with an allow rule are not limited. @default false */
  exemptAllowed?: boolean;
  /** Which header fields tell a client their limit; `false`: none but `Retry-After`. @default { standard: true, legacy: false } */
  headers?: false | RateLimitHeaders;
  /** Makes the answer to a throttled client. @default 429 in JSON */
  refusal?: (throttled: ThrottledRequest) => CustomRefusal;
  /** Told of every refusal, after it was decided. What it throws or rejects with is swallowed. */
  onThrottled?: (throttled: ThrottledRequest) => unknown;
  /**
   * A subclass of `AuthThrottlerGuard` that counts instead of it, ahead of all other guards. The hooks of
   * @nestjs/throttler's guard that it overrides are asked. @default AuthThrottlerGuard
   */
  guard?: Type<ThrottlerGuard>;
  /** Counts in Redis or Valkey, for several processes to share; while it is down each process counts for itself. */
  redis?: RedisLimitStorageOptions;
  /** Where the counters live instead. @default this process' memory */
  storage?: LimitStorage;
}

/** What each of {@link RateLimitOptions} is where it is left out. */
export const LIMITS_DEFAULTS = {
  authenticated: 10,
  anonymous: 5,
  ttlMs: 60_000,
  blockForMs: 0,
  failClosed: false,
  routes: 'decorated',
  checkAt: 'guards',
  exemptAllowed: false,
  headers: null,
  refusal: null,
  onThrottled: null,
  guard: null,
  redis: null,
  storage: null,
} satisfies Defaults<RateLimitOptions>;

/** What each of {@link RateLimitHeaders} is where it is left out. */
export const HEADERS_DEFAULTS = {
  standard: true,
  legacy: false,
} satisfies Defaults<RateLimitHeaders>;

/** The name of the bucket over all routes that have none of their own. */
export const SHARED_LIMIT = 'sensitive';
const NAME = /^[\w.:-]{1,64}$/;

/** The name of a limit: 1 to 64 letters, digits or `._:-`. */
export const limitName: Check = (path, value) => {
  if (typeof value === 'string' && NAME.test(value)) return;
  invalid(path, value, 'give 1 to 64 letters, digits or ._:-');
};

const LIMIT_CHECKS: Record<keyof LimitDetails, Check> = {
  authenticated: limit(0),
  anonymous: limit(0),
  ttlMs: valueOrFunction(wholeNumber(1)),
  blockForMs: wholeNumber(0),
  failClosed: flag,
};

/** How each of {@link RateLimitOptions} is checked. */
export const LIMITS_CHECKS: Record<keyof RateLimitOptions, Check> = {
  ...LIMIT_CHECKS,
  routes: oneOf('decorated', 'all'),
  checkAt: oneOf('guards', 'edge'),
  exemptAllowed: flag,
  headers: (path, value) => {
    if (value !== false) checkObject(path, value, { standard: flag, legacy: flag });
  },
  refusal: callable,
  onThrottled: callable,
  // Whether it is one of ours is asked where the classes are known.
  guard: callable,
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
  name: limitName,
  cost: valueOrFunction(wholeNumber(1)),
  countOnly: (path, value) => {
    if (typeof value !== 'function') oneOf('failures')(path, value);
  },
};

/** {@link RateLimitOptions} with every default filled in. */
export interface LimitsSettings extends Omit<
  Filled<RateLimitOptions, typeof LIMITS_DEFAULTS>,
  'headers'
> {
  readonly isEnabled: boolean;
  readonly headers: Filled<RateLimitHeaders, typeof HEADERS_DEFAULTS>;
}

export const LIMITS_SETTINGS = token<LimitsSettings>('limits-settings');

/** Fills in the defaults of options that have passed {@link LIMITS_CHECKS}. */
export function limitsSettings(given: false | RateLimitOptions | undefined): LimitsSettings {
  const { headers, ...others } = filled(given || {}, LIMITS_DEFAULTS);
  return {
    ...others,
    isEnabled: given !== false,
    headers: filled(headers === false ? { standard: false } : (headers ?? {}), HEADERS_DEFAULTS),
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
  return (path, value: unknown) => {
    if (typeof value !== 'function') check(path, value);
  };
}
