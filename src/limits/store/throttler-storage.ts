import type { ThrottlerStorage } from '@nestjs/throttler';
import type { LimitResult, LimitStorage } from './limit-storage.js';

/** What @nestjs/throttler keeps of one hit; its name for the type is not exported by all of its releases. */
export type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/**
 * Lets @nestjs/throttler's own `ThrottlerGuard` count in a {@link LimitStorage}: exact windows, bounded memory, or
 * shared by all processes. Each named throttler has buckets of its own, even if `generateKey` ignores the name (then
 * the built-in storage never refuses by the second name).
 *
 * A record speaks of seconds, rounded up, so that who waits for so long is not refused again. Without a
 * `blockDuration` of 0 the guard blocks for a whole `ttl` after a breach; that is its default, not ours.
 */
export function toThrottlerStorage(storage: LimitStorage): ThrottlerStorage {
  return {
    async increment(key, ttl, limit, blockDuration, throttlerName) {
      const rule = { limit, ttlMs: ttl, blockForMs: Math.max(0, blockDuration) };
      return recordOf(await storage.hit(`${throttlerName}:${key}`, rule));
    },
  };
}

/** A result in the words of @nestjs/throttler. */
export function recordOf(result: LimitResult): ThrottlerRecord {
  const admittedHits = result.limit === Infinity ? 1 : result.limit - result.remaining;
  return {
    totalHits: result.admitted ? admittedHits : result.limit + 1,
    timeToExpire: Math.ceil(result.resetAfterMs / 1_000),
    isBlocked: !result.admitted,
    timeToBlockExpire: result.admitted ? 0 : Math.ceil(result.retryAfterMs / 1_000),
  };
}
