import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { MemoryLimitStorage } from '../../src/limits/store/memory/memory-limit-storage.js';
import { createRedisLimitStorage } from '../../src/limits/store/redis/redis-limit-storage.js';
import { ResilientLimitStorage } from '../../src/limits/store/resilient-limit-storage.js';
import { redisAvailable, startRedis } from '../support/redis.js';

const whyNot = redisAvailable();
const rule = { limit: 3, ttlMs: 60_000 };

describe.skipIf(whyNot !== null)(
  `A Redis that answers and cannot count is insured${whyNot ? ` (${whyNot})` : ''}`,
  () => {
    const ends: (() => unknown)[] = [];

    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end();
    });

    async function setUp() {
      const server = await startRedis();
      ends.push(() => server.stop());
      const redis = new Redis(server.url);
      ends.push(() => redis.disconnect());
      const states: string[] = [];
      const reasons: string[] = [];
      const storage = new ResilientLimitStorage({
        primary: await createRedisLimitStorage({ url: server.url, commandTimeoutMs: 5_000 }),
        fallback: new MemoryLimitStorage(),
        onStateChange: ({ state, error }) => {
          states.push(state);
          if (error !== undefined) reasons.push(error.message);
        },
      });
      ends.push(() => storage.close());
      return { redis, storage, states, reasons };
    }

    async function admittedOf(storage: ResilientLimitStorage, key: string, hits: number) {
      const answers = [];
      for (let i = 0; i < hits; i++) answers.push((await storage.hit(key, rule)).admitted);
      return answers.filter(Boolean).length;
    }

    it.each([
      {
        name: 'has become a replica',
        word: 'READONLY',
        lose: (redis: Redis) => redis.replicaof('127.0.0.1', 1),
        mend: (redis: Redis) => redis.replicaof('NO', 'ONE'),
      },
      {
        name: 'has no memory left',
        word: 'OOM',
        lose: (redis: Redis) => redis.config('SET', 'maxmemory', '1'),
        mend: (redis: Redis) => redis.config('SET', 'maxmemory', '0'),
      },
    ])('while it $name, until it no longer is so', async ({ word, lose, mend }) => {
      const { redis, storage, states, reasons } = await setUp();
      await storage.hit('k', rule);
      await lose(redis);
      expect(await admittedOf(storage, 'k', 10)).toBe(3);
      // It answers all probes that only read: it must not be believed each time.
      await vi.waitFor(() => expect(storage.stats().primaryErrors).toBeGreaterThan(2), 10_000);
      expect(states).toEqual(['open']);
      expect(reasons).toEqual([expect.stringContaining(word)]);

      await mend(redis);
      await vi.waitFor(() => expect(storage.stats().state).toBe('closed'), 10_000);
      expect(states).toEqual(['open', 'closed']);
      // Nothing that was counted meanwhile has reached it.
      expect(await storage.peek('k', rule)).toMatchObject({ remaining: 2 });
    });

    it.each([
      {
        name: 'a list',
        put: (redis: Redis) => redis.rpush('ipt:{k}', 'x'),
        still: (redis: Redis) => redis.lrange('ipt:{k}', 0, -1),
        value: ['x'] as unknown,
      },
      {
        name: 'a text',
        put: (redis: Redis) => redis.set('ipt:{k}', 'x'),
        still: (redis: Redis) => redis.get('ipt:{k}'),
        value: 'x',
      },
    ])('for the one key under which somebody else has put $name', async ({ put, still, value }) => {
      const { redis, storage, states } = await setUp();
      await put(redis);
      expect(await admittedOf(storage, 'k', 10)).toBe(3);
      expect(await admittedOf(storage, 'another', 10)).toBe(3);
      expect(storage.stats()).toMatchObject({ state: 'closed', insuranceHits: 10 });
      expect(states).toEqual([]);
      expect(await still(redis)).toEqual(value);
    });

    it('and one that has forgotten the script is not, as it is told again', async () => {
      const { redis, storage, states } = await setUp();
      await storage.hit('k', rule);
      await redis.script('FLUSH');
      const answers = await Promise.all(Array.from({ length: 100 }, () => storage.hit('k', rule)));
      expect(answers.filter(({ admitted }) => admitted)).toHaveLength(2);
      expect(storage.stats()).toMatchObject({ primaryErrors: 0, insuranceHits: 0 });
      expect(states).toEqual([]);
    });
  },
);
