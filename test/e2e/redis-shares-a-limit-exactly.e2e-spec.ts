import { sample } from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { LimitRule } from '../../src/limits/store/limit-storage.js';
import { createRedisLimitStorage } from '../../src/limits/store/redis/redis-limit-storage.js';
import type { RedisLimitStorage } from '../../src/limits/store/redis/redis-limit-storage.js';
import type { RedisLimitStorageOptions } from '../../src/limits/store/redis/redis-limit-storage.options.js';
import { clockSchedules, LimitReplay, limitSchedules, playClock } from '../support/limit-oracle.js';
import type { ClockStep, DrivenStorage, LimitStep } from '../support/limit-oracle.js';
import { redisAvailable, startRedis } from '../support/redis.js';
import type { TestRedis } from '../support/redis.js';

const whyNot = redisAvailable();
const fivePerMinute = { limit: 5, ttlMs: 60_000 };

describe.skipIf(whyNot !== null)(
  `Redis shares a limit exactly${whyNot ? ` (${whyNot})` : ''}`,
  () => {
    let server: TestRedis;
    let redis: Redis;
    const storages: RedisLimitStorage[] = [];

    beforeAll(async () => {
      server = await startRedis();
      redis = new Redis(server.url);
    });

    afterAll(async () => {
      await Promise.all(storages.map((storage) => storage.close()));
      redis?.disconnect();
      await server?.stop();
    });

    async function connect(options: RedisLimitStorageOptions = {}): Promise<RedisLimitStorage> {
      const storage = await createRedisLimitStorage({
        url: server.url,
        commandTimeoutMs: 5_000,
        ...options,
      });
      storages.push(storage);
      return storage;
    }

    // Each run draws anew, so that ten of them are a hundred thousand.
    it.each([
      { schedules: 10_000, times: 1, name: 'buckets that are read as a whole' },
      { schedules: 300, times: 60, name: 'buckets that are read in parts' },
    ])(
      'answers as the naive oracle does in $schedules random schedules, for $name',
      async ({ schedules, times }) => {
        // Each call is sent at the moment of its own schedule, so that schedules can share the connection.
        let now = 0;
        const differences: unknown[] = [];
        const storage = await connect({ refusalCacheMs: 0, testNow: () => now });
        const play = async (schedule: LimitStep[], index: number) => {
          const key = `oracle ${times} ${index}`;
          const at = <T>(moment: number, answer: () => T): T => ((now = moment), answer());
          const driven: DrivenStorage = {
            hit: (rule, moment) => at(moment, () => storage.hit(key, rule)),
            peek: (rule, moment) => at(moment, () => storage.peek(key, rule)),
            release: (slot, moment) => at(moment, () => storage.release(key, slot)),
            reset: (moment) => at(moment, () => storage.reset(key)),
          };
          const repeated = schedule.flatMap((step) => repeat(step, times));
          const difference = await new LimitReplay(1_000).playRemote(repeated, driven);
          if (difference !== null) differences.push({ schedule, difference });
        };
        const drawn = sample(limitSchedules(), { numRuns: schedules });
        await inTurns(drawn, play, 64);
        expect(differences).toEqual([]);
      },
      180_000,
    );

    it('neither opens nor locks a bucket in 10,000 schedules of clocks that are set back', async () => {
      let now = 0;
      const found: unknown[] = [];
      const storage = await connect({ refusalCacheMs: 0, testNow: () => now });
      const play = async (schedule: ClockStep[], index: number) => {
        const hit = (rule: LimitRule, wall: number) => (
          (now = wall),
          storage.hit(`clock ${index}`, rule)
        );
        const wrong = await playClock(schedule, hit);
        if (wrong !== null) found.push({ wrong, schedule });
      };
      await inTurns(sample(clockSchedules(), { numRuns: 10_000 }), play, 64);
      expect(found).toEqual([]);
    });

    it.each([1, 2, 4])(
      'lets 5 of 1,000 concurrent hits pass over %i connections',
      async (count) => {
        const processes = await Promise.all(Array.from({ length: count }, () => connect()));
        const hits = processes.flatMap((storage) =>
          Array.from({ length: 1_000 / count }, () =>
            storage.hit(`burst over ${count}`, fivePerMinute),
          ),
        );
        const answers = await Promise.all(hits);
        expect(answers.filter(({ admitted }) => admitted)).toHaveLength(5);
        expect(new Set(answers.map(({ slot }) => slot)).size).toBe(6);
      },
    );

    it('gives back what one process was admitted through another one', async () => {
      const [one, other] = [await connect(), await connect()];
      const { slot } = await one.hit('given back', { limit: 1, ttlMs: 60_000 });
      expect(await other.release('given back', 'abcdefgh0000')).toBe(false);
      expect(await other.release('given back', '')).toBe(false);
      expect(await other.release('given back', slot as string)).toBe(true);
      expect(await one.release('given back', slot as string)).toBe(false);
      expect(await one.hit('given back', { limit: 1, ttlMs: 60_000 })).toMatchObject({
        admitted: true,
      });
    });

    it('repeats a refusal from memory, but not for longer than a second after a reset elsewhere', async () => {
      const [one, other] = [await connect({ refusalCacheMs: 100 }), await connect()];
      const rule = { limit: 1, ttlMs: 60_000 };
      await one.hit('reset elsewhere', rule);
      await one.hit('reset elsewhere', rule);
      const { answers } = one.stats();
      expect(await one.hit('reset elsewhere', rule)).toMatchObject({ admitted: false });
      expect(one.stats()).toMatchObject({ answers, localRefusals: 1 });
      expect(await other.reset('reset elsewhere')).toBe(true);
      await vi.waitFor(async () => {
        expect(await one.hit('reset elsewhere', rule)).toMatchObject({ admitted: true });
      });
    });

    it.each([{ stepMs: -3_600_000 }, { stepMs: -10 }])(
      'neither opens nor locks a bucket when the clock steps by $stepMs ms',
      async ({ stepMs }) => {
        let now = Date.now();
        const key = `clock ${stepMs}`;
        const storage = await connect({ refusalCacheMs: 0, testNow: () => now });
        for (let i = 0; i < 5; i++) await storage.hit(key, fivePerMinute);
        now += stepMs;
        expect(await storage.hit(key, fivePerMinute)).toMatchObject({
          admitted: false,
          retryAfterMs: 60_000,
        });
        now += 59_999;
        expect(await storage.hit(key, fivePerMinute)).toMatchObject({
          admitted: false,
          retryAfterMs: 1,
        });
        now += 1;
        expect(await storage.hit(key, fivePerMinute)).toMatchObject({ admitted: true });
      },
    );

    it('holds a large limit exactly, and lets all of it expire at once', async () => {
      let now = 1_000;
      const storage = await connect({ refusalCacheMs: 0, testNow: () => now });
      const rule = { limit: 3_000, ttlMs: 60_000 };
      const hits = () =>
        Promise.all(Array.from({ length: 3_500 }, () => storage.hit('large', rule)));
      expect((await hits()).filter(({ admitted }) => admitted)).toHaveLength(3_000);
      now += 60_000;
      expect((await hits()).filter(({ admitted }) => admitted)).toHaveLength(3_000);
    });

    it('keeps a key for as long as it counts, and not longer', async () => {
      const storage = await connect({ keyPrefix: 'kept:' });
      await storage.hit('203.0.113.7', { limit: 5, ttlMs: 2_000 });
      const leftMs = await redis.pttl('kept:{203.0.113.7}');
      expect(leftMs).toBeGreaterThan(1_000);
      expect(leftMs).toBeLessThanOrEqual(2_000);
      await storage.hit('203.0.113.7', { limit: 1, ttlMs: 2_000, blockForMs: 90_000 });
      expect(await redis.pttl('kept:{203.0.113.7}')).toBeGreaterThan(89_000);
    });

    it('uses the settings of a client and leaves the client alone', async () => {
      const host = new Redis(server.url, { keyPrefix: 'host:', lazyConnect: true });
      const storage = await connect({ url: undefined, client: host });
      expect(await storage.hit('k', fivePerMinute)).toMatchObject({ admitted: true });
      expect(await redis.exists('host:ipt:{k}')).toBe(1);
      expect(host.status).toBe('wait');
      host.disconnect();
    });

    it('knows its script again after SCRIPT FLUSH', async () => {
      const storage = await connect();
      await storage.hit('flushed', fivePerMinute);
      await redis.script('FLUSH');
      expect(await storage.hit('flushed', fivePerMinute)).toMatchObject({ remaining: 3 });
    });
  },
);

/** So many of them at a time. */
async function inTurns<T>(
  items: T[],
  work: (item: T, index: number) => Promise<void>,
  atOnce: number,
): Promise<void> {
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The same hit many times at once, against a limit that is as many times higher. */
function repeat(step: LimitStep, times: number): LimitStep[] {
  if (step.kind !== 'hit' && step.kind !== 'peek') return [step];
  const rule = { ...step.rule, limit: step.rule.limit * times };
  const again = { ...step, rule, afterMs: 0 };
  return [{ ...step, rule }, ...Array.from({ length: times - 1 }, () => again)];
}
