import type { ResolvedOptions } from '../resolved-options.js';
import {
  THROTTLER_NAME,
  THROTTLER_OPTIONS,
  THROTTLER_STORAGE,
  type AuthThrottlerOptions,
} from '../throttle/auth-throttler.guard.js';
import type { LimitStorage } from '../throttle/limit-storage.js';
import { MemoryLimitStorage } from '../throttle/memory-limit-storage.js';
import { RateLimiter } from '../throttle/rate-limiter.js';
import { createRedisLimitStorage } from '../throttle/redis-limit-storage.js';
import { ResilientLimitStorage } from '../throttle/resilient-limit-storage.js';
import { toThrottlerStorage } from '../throttle/throttler-storage.js';
import { logger, messageOf, provide } from './provide.js';
import { RESOLVED_OPTIONS } from './settings.js';

/** The token of the counters' storage. */
export const LIMIT_STORAGE = Symbol('nestjs-ip-tracking.limit-storage');

/** Who may ask how often, and where that is counted. */
export const limits = [
  provide(LIMIT_STORAGE, [RESOLVED_OPTIONS], createStorage),
  provide(
    RateLimiter,
    [LIMIT_STORAGE, RESOLVED_OPTIONS],
    (storage: LimitStorage, { rateLimits }: ResolvedOptions) =>
      new RateLimiter(storage, {
        identify: rateLimits.identify,
        ipv6PrefixLength: rateLimits.ipv6PrefixLength,
      }),
  ),
  provide(THROTTLER_STORAGE, [LIMIT_STORAGE], toThrottlerStorage),
  provide(
    THROTTLER_OPTIONS,
    [RESOLVED_OPTIONS],
    ({ rateLimits }: ResolvedOptions): AuthThrottlerOptions => ({
      isEnabled: rateLimits.isEnabled,
      authenticated: rateLimits.authenticated,
      throttlers: [{ name: THROTTLER_NAME, limit: rateLimits.anonymous, ttl: rateLimits.ttlMs }],
    }),
  ),
];

async function createStorage({ rateLimits }: ResolvedOptions): Promise<LimitStorage> {
  if (rateLimits.storage !== null) return rateLimits.storage;
  const memory = new MemoryLimitStorage();
  if (rateLimits.redis === null || !rateLimits.isEnabled) return memory;
  return new ResilientLimitStorage({
    primary: await createRedisLimitStorage(rateLimits.redis),
    fallback: memory,
    onStateChange: ({ state, error }) =>
      state === 'open'
        ? logger.error(
            `the shared limits cannot be reached, so each process counts for itself: ${messageOf(error)}`,
          )
        : logger.log('the shared limits are counted again'),
  });
}
