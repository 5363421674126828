import { ModuleRef } from '@nestjs/core';
import { Database } from '../database/database.js';
import { LISTENER_NAME, NotificationListener } from '../database/notifications.js';
import { EDGE_SETTINGS } from '../edge/edge.options.js';
import type { RequestContext } from '../edge/request-context.js';
import { RequestEdge } from '../edge/request-edge.js';
import { THROTTLER_NAME } from '../edge/route-description.js';
import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';
import { afterTimer } from '../hourly-work.js';
import { OUTAGES, type Outages } from '../outages.js';
import { logger, provide, token } from '../provide.js';
import {
  AuthThrottlerGuard,
  LIMIT_GUARD,
  LIMIT_PARTS,
  THROTTLER_OPTIONS,
  THROTTLER_STORAGE,
} from './auth-throttler.guard.js';
import { LimitAnswers } from './limit-answers.js';
import { LimitPolicies } from './limit-policy.js';
import { LimitResetRepository } from './limit-reset.repository.js';
import { LimitResets, RESET_CHANNEL } from './limit-resets.js';
import { LimitTerms } from './limit-terms.js';
import { LIMITS_SETTINGS, type LimitsSettings } from './limits.options.js';
import { forgetClient, RateLimitService } from './rate-limit.service.js';
import { RateLimiter } from './rate-limiter.js';
import { RuleLimiter } from './rule-limiter.js';
import type { LimitStorage } from './store/limit-storage.js';
import { MemoryLimitStorage } from './store/memory/memory-limit-storage.js';
import { createRedisLimitStorage } from './store/redis/redis-limit-storage.js';
import { ResilientLimitStorage } from './store/resilient-limit-storage.js';
import { UnsharedLimits } from './unshared-limits.js';
import { toThrottlerStorage } from './store/throttler-storage.js';

/** The counters' storage. */
export const LIMIT_STORAGE = token<LimitStorage>('limit-storage');
/** What PostgreSQL lists a listener as whose process counts limits in its own memory. */
const UNSHARED_NAME = `${LISTENER_NAME}, own limits`;
/** How many requests a minute a client may make whom a limit rule names; the rules tell. */
export const RULE_LIMIT = token<number>('rule-limit');
/** Whether a client is not limited at all; the rules tell. */
export const LIMIT_EXEMPTION = token<(context: RequestContext) => boolean>('limit-exemption');

/** Who may ask how often, and where that is counted. */
export const limitsProviders = [
  provide(LIMIT_STORAGE, [LIMITS_SETTINGS, OUTAGES], createStorage),
  provide(
    LimitPolicies,
    [LIMITS_SETTINGS],
    (settings) => new LimitPolicies(settings, settings.routes === 'all'),
  ),
  provide(
    RateLimiter,
    [LIMIT_STORAGE, LIMIT_EXEMPTION, LIMITS_SETTINGS, EDGE_SETTINGS],
    (storage, isExempt, settings, { ipv6PrefixLength }) =>
      new RateLimiter(storage, new LimitTerms(settings, (message) => logger.warn(message)), {
        ipv6PrefixLength,
        isExempt,
      }),
  ),
  provide(
    RuleLimiter,
    [LIMIT_STORAGE, RULE_LIMIT, LimitAnswers, EDGE_SETTINGS],
    (storage, perMinute, answers, { ipv6PrefixLength }) =>
      new RuleLimiter(storage, { perMinute, ipv6PrefixLength, answers }),
  ),
  provide(LimitAnswers, [LIMITS_SETTINGS], (settings) => new LimitAnswers(settings)),
  provide(LimitResetRepository, [Database], (database) => new LimitResetRepository(database)),
  provide(
    LimitResets,
    [RateLimiter, LimitResetRepository, NotificationListener, LIMITS_SETTINGS, EDGE_SETTINGS],
    (limiter, repository, listener, { isEnabled }, { ipv6PrefixLength }) => {
      const resets = new LimitResets(
        repository,
        (client, name) => forgetClient(limiter, client, name, ipv6PrefixLength),
        () => performance.now(),
      );
      if (isEnabled) listener.hear(RESET_CHANNEL, resets.handlers);
      return resets;
    },
  ),
  provide(
    RateLimitService,
    [RateLimiter, LimitResets, EDGE_SETTINGS],
    (limiter, resets, { ipv6PrefixLength }) =>
      new RateLimitService(limiter, resets, { ipv6PrefixLength }),
  ),
  provide(
    UnsharedLimits,
    [LIMIT_STORAGE, LimitResetRepository, NotificationListener, LIMITS_SETTINGS],
    (storage, repository, listener, { isEnabled }) => {
      const countsForItself = isEnabled && storage instanceof MemoryLimitStorage;
      // Seen by the others in pg_stat_activity.
      if (countsForItself) listener.nameAs(UNSHARED_NAME);
      return new UnsharedLimits({
        count: () =>
          countsForItself ? repository.countUnshared(UNSHARED_NAME) : Promise.resolve(0),
        after: afterTimer,
        warn: (message) => logger.warn(message),
      });
    },
  ),
  provide(THROTTLER_STORAGE, [LIMIT_STORAGE], toThrottlerStorage),
  // What these say is told by policies; the guard puts those in their place.
  provide(THROTTLER_OPTIONS, [], () => ({
    throttlers: [{ name: THROTTLER_NAME, limit: 0, ttl: 0 }],
  })),
  provide(
    LIMIT_PARTS,
    [RequestEdge, RateLimiter, LimitAnswers, LimitPolicies, LIMITS_SETTINGS],
    (edge, limiter, answers, policies, { isEnabled }) => ({
      isEnabled,
      edge,
      limiter,
      answers,
      policies,
    }),
  ),
  // Its parts are asked for, so that they are made before it.
  provide(LIMIT_GUARD, [ModuleRef, LIMITS_SETTINGS, LIMIT_PARTS], (modules, { guard }) =>
    modules.create(guardClass(guard)),
  ),
];

async function createStorage(settings: LimitsSettings, outages: Outages): Promise<LimitStorage> {
  const memory = new MemoryLimitStorage();
  if (!settings.isEnabled) return memory;
  const shared =
    settings.storage ??
    (settings.redis === null ? null : await createRedisLimitStorage(settings.redis));
  if (shared === null) return memory;
  // These answer at once and cannot be down.
  if (shared instanceof MemoryLimitStorage || shared instanceof ResilientLimitStorage)
    return shared;
  return new ResilientLimitStorage({
    primary: shared,
    fallback: memory,
    onStateChange: ({ state, error }) => {
      const message = state === 'open' ? messageOf(error) : null;
      outages.tell({ of: 'limits', isOver: message === null, message });
      if (message === null) logger.log('the shared limits are counted again');
      else {
        logger.error(
          `the shared limits cannot be reached, so each process counts for itself: ${message}`,
        );
      }
    },
  });
}

function guardClass(guard: LimitsSettings['guard']): typeof AuthThrottlerGuard {
  if (guard === null) return AuthThrottlerGuard;
  if (guard.prototype instanceof AuthThrottlerGuard) {
    return guard as unknown as typeof AuthThrottlerGuard;
  }
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `rateLimits.guard is ${guard.name}, which does not extend AuthThrottlerGuard: write class ${guard.name} extends AuthThrottlerGuard.`,
  );
}
