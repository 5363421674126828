import { announce } from '../database/announce.js';
import { Database } from '../database/database.js';
import { THROTTLER_NAME } from '../edge/route-flags.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { Door } from '../rules/door.js';
import {
  LEFT_TO_THE_POLICY,
  THROTTLER_OPTIONS,
  THROTTLER_STORAGE,
  type AuthThrottlerOptions,
} from '../limits/auth-throttler.guard.js';
import { LimitDoor } from '../limits/limit-door.js';
import type { LimitStorage } from '../limits/store/limit-storage.js';
import { LimiterAnswers } from '../limits/limit-answers.js';
import { MemoryLimitStorage } from '../limits/store/memory/memory-limit-storage.js';
import { LimitPolicies } from '../limits/limit-policy.js';
import { RateLimitService, RESET_CHANNEL } from '../limits/rate-limit.service.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import { createRedisLimitStorage } from '../limits/store/redis/redis-limit-storage.js';
import { ResilientLimitStorage } from '../limits/store/resilient-limit-storage.js';
import { toThrottlerStorage } from '../limits/store/throttler-storage.js';
import { logger, messageOf, provide } from './provide.js';
import { RESOLVED_OPTIONS } from './settings.js';

/** The token of the counters' storage. */
export const LIMIT_STORAGE = Symbol('nestjs-ip-tracking.limit-storage');

/** Who may ask how often, and where that is counted. */
export const limits = [
  provide(LIMIT_STORAGE, [RESOLVED_OPTIONS], createStorage),
  provide(
    LimitPolicies,
    [RESOLVED_OPTIONS],
    ({ rateLimits }: ResolvedOptions) => new LimitPolicies(rateLimits, rateLimits.routes === 'all'),
  ),
  provide(
    RateLimiter,
    [LIMIT_STORAGE, Door, RESOLVED_OPTIONS],
    (storage: LimitStorage, door: Door, { rateLimits }: ResolvedOptions) =>
      new RateLimiter(storage, {
        identify: rateLimits.identify,
        ipv6PrefixLength: rateLimits.ipv6PrefixLength,
        defaults: rateLimits,
        isExempt: (context) => rateLimits.exemptAllowed && door.isAllowlisted(context),
        warn: (message) => logger.warn(message),
      }),
  ),
  provide(
    LimitDoor,
    [RateLimiter, RESOLVED_OPTIONS],
    (limiter: RateLimiter, { rateLimits }: ResolvedOptions) =>
      new LimitDoor(limiter, new LimiterAnswers(rateLimits)),
  ),
  provide(
    RateLimitService,
    [RateLimiter, Database, RESOLVED_OPTIONS],
    (limiter: RateLimiter, database: Database, { rateLimits }: ResolvedOptions) =>
      new RateLimitService(limiter, {
        ipv6PrefixLength: rateLimits.ipv6PrefixLength,
        tell: (message) => announce(database, RESET_CHANNEL, message),
      }),
  ),
  provide(THROTTLER_STORAGE, [LIMIT_STORAGE], toThrottlerStorage),
  provide(
    THROTTLER_OPTIONS,
    [RESOLVED_OPTIONS],
    ({ rateLimits }: ResolvedOptions): AuthThrottlerOptions => ({
      isEnabled: rateLimits.isEnabled,
      throttlers: [
        {
          name: THROTTLER_NAME,
          limit: LEFT_TO_THE_POLICY,
          ttl: LEFT_TO_THE_POLICY,
          blockDuration: LEFT_TO_THE_POLICY,
        },
      ],
    }),
  ),
];

async function createStorage({ rateLimits }: ResolvedOptions): Promise<LimitStorage> {
  const memory = new MemoryLimitStorage();
  if (!rateLimits.isEnabled) return memory;
  const shared =
    rateLimits.storage ??
    (rateLimits.redis === null ? null : await createRedisLimitStorage(rateLimits.redis));
  if (shared === null) return memory;
  // These answer at once and cannot be down.
  if (shared instanceof MemoryLimitStorage || shared instanceof ResilientLimitStorage)
    return shared;
  return new ResilientLimitStorage({
    primary: shared,
    fallback: memory,
    onStateChange: ({ state, error }) =>
      state === 'open'
        ? logger.error(
            `the shared limits cannot be reached, so each process counts for itself: ${messageOf(error)}`,
          )
        : logger.log('the shared limits are counted again'),
  });
}
