import type { CustomRefusal } from '../edge/custom-refusal.js';
import type { Identify } from '../edge/identify.js';
import type { LimitStorage } from './store/limit-storage.js';
import type { RedisLimitStorageOptions } from './store/redis/redis-limit-storage.options.js';

/**
 * A number, or a function of the request, as the host's handlers see it and under the type that it has there, that gives
 * one. It must not block; where it
 * throws or gives no number, the module's default counts, and a warning says so once.
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

/** Which header fields tell a client his limit, on every answer of a limited route. */
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
  /**
   * Tells who is asking: the user's id, or null while it is not known; or the names under which `request.user` may keep
   * it, the first that is there.
   *
   * @default ['id', 'sub']
   */
  identify?: Identify | string[];
  /** IPv6 clients are counted by networks of this length. @default 64 */
  ipv6PrefixLength?: number;
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
  /** Which header fields tell a client his limit; `false`: none but `Retry-After`. */
  headers?: false | RateLimitHeaders;
  /** Makes the answer to a throttled client. @default 429 in JSON */
  refusal?: (throttled: ThrottledRequest) => CustomRefusal;
  /** Told of every refusal, after it was decided. What it throws or rejects with is swallowed. */
  onThrottled?: (throttled: ThrottledRequest) => unknown;
  /** Counts in Redis or Valkey, for several processes to share; while it is down each process counts for itself. */
  redis?: RedisLimitStorageOptions;
  /** Where the counters live instead. @default this process' memory */
  storage?: LimitStorage;
}
