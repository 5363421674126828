/** The limiters that are compared, each told to let 5 requests of a client pass in a window. */
import { createRequire } from 'node:module';
import { ThrottlerStorageService } from '@nestjs/throttler';
import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { MemoryLimitStorage } from '../../src/limits/store/memory/memory-limit-storage.js';
import { createRedisLimitStorage } from '../../src/limits/store/redis/redis-limit-storage.js';

/** Counts one hit, and says whether it may pass. */
export type Hit = (key: string) => boolean | Promise<boolean>;

export interface OpenLimiter {
  hit: Hit;
  /** What a timer of it does once a minute, after a minute. */
  sweep?: () => void;
  /** What it says of itself. */
  note?: () => string;
  close(): Promise<void> | void;
}

export interface Limiter {
  name: string;
  open(ttlMs: number): Promise<OpenLimiter> | OpenLimiter;
}

export const LIMIT = 5;

/** As many clients as a store is asked to remember. */
const MAX_CLIENTS = 1_000_000;

interface FastifyStore {
  incr(
    key: string,
    callback: (error: Error | null, result: { current: number }) => void,
    ttlMs: number,
    limit: number,
  ): void;
}

const require = createRequire(import.meta.url);
const FastifyLocalStore = require('@fastify/rate-limit/store/LocalStore.js') as new (
  continueExceeding: boolean,
  exponentialBackoff: boolean,
  maxKeys: number,
) => FastifyStore;
const FastifyRedisStore = require('@fastify/rate-limit/store/RedisStore.js') as new (
  continueExceeding: boolean,
  exponentialBackoff: boolean,
  redis: Redis,
) => FastifyStore;

/** Those that count in this process. */
export const IN_MEMORY: Limiter[] = [
  {
    name: 'nestjs-ip-tracking',
    open(ttlMs) {
      const storage = new MemoryLimitStorage();
      const rule = { limit: LIMIT, ttlMs };
      return {
        hit: (key) => storage.hit(key, rule).admitted,
        note: () => `${storage.stats().evictions} evicted`,
        close: () => storage.close(),
      };
    },
  },
  {
    name: '@nestjs/throttler',
    open(ttlMs) {
      const storage = new ThrottlerStorageService();
      const sweeper = storage as unknown as { evictIdleRecords(now: number): void };
      return {
        hit: async (key) => !(await storage.increment(key, ttlMs, LIMIT, 0, 'default')).isBlocked,
        sweep: () => sweeper.evictIdleRecords(Date.now() + ttlMs),
        close: () => storage.onApplicationShutdown(),
      };
    },
  },
  {
    name: 'rate-limiter-flexible',
    open(ttlMs) {
      const limiter = new RateLimiterMemory({ points: LIMIT, duration: ttlMs / 1_000 });
      return { hit: (key) => consumed(limiter.consume(key)), close: () => {} };
    },
  },
  {
    name: '@fastify/rate-limit',
    open(ttlMs) {
      const store = new FastifyLocalStore(false, false, MAX_CLIENTS);
      // It calls back at once.
      const hit = (key: string) => {
        let isIn = false;
        store.incr(key, (_, { current }) => (isIn = current <= LIMIT), ttlMs, LIMIT);
        return isIn;
      };
      return { hit, close: () => {} };
    },
  },
];

/** Those that count in a Redis. */
export function inRedis(url: string): Limiter[] {
  return [
    {
      name: 'nestjs-ip-tracking',
      async open(ttlMs) {
        const storage = await createRedisLimitStorage({
          url,
          refusalCacheMs: 0,
          commandTimeoutMs: 5_000,
        });
        const rule = { limit: LIMIT, ttlMs };
        return {
          hit: async (key) => (await storage.hit(key, rule)).admitted,
          close: () => storage.close(),
        };
      },
    },
    {
      name: 'rate-limiter-flexible',
      open(ttlMs) {
        const storeClient = new Redis(url, { commandTimeout: 5_000 });
        const limiter = new RateLimiterRedis({
          storeClient,
          points: LIMIT,
          duration: ttlMs / 1_000,
        });
        return {
          hit: (key) => consumed(limiter.consume(key)),
          close: () => storeClient.disconnect(),
        };
      },
    },
    {
      name: '@fastify/rate-limit',
      open(ttlMs) {
        const redis = new Redis(url, { commandTimeout: 5_000 });
        const store = new FastifyRedisStore(false, false, redis);
        const hit = (key: string) =>
          new Promise<boolean>((resolve, reject) => {
            const answered = (error: Error | null, result: { current: number }) =>
              error === null ? resolve(result.current <= LIMIT) : reject(error);
            store.incr(key, answered, ttlMs, LIMIT);
          });
        return { hit, close: () => redis.disconnect() };
      },
    },
  ];
}

/** It rejects with its result where the limit is reached, and with an error where it could not tell. */
async function consumed(consumption: Promise<unknown>): Promise<boolean> {
  try {
    await consumption;
    return true;
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal;
    return false;
  }
}
