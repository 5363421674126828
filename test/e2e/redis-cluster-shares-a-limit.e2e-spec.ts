import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { MemoryLimitStorage } from '../../src/limits/store/memory/memory-limit-storage.js';
import { createRedisLimitStorage } from '../../src/limits/store/redis/redis-limit-storage.js';
import type { RedisLimitStorage } from '../../src/limits/store/redis/redis-limit-storage.js';
import { ResilientLimitStorage } from '../../src/limits/store/resilient-limit-storage.js';
import { startRedisCluster } from '../support/redis-cluster.js';
import type { TestRedisCluster } from '../support/redis-cluster.js';
import { redisAvailable } from '../support/redis.js';

const whyNot = redisAvailable();
const fivePerMinute = { limit: 5, ttlMs: 60_000 };

describe.skipIf(whyNot !== null)(
  `A Redis cluster of three nodes shares a limit${whyNot ? ` (${whyNot})` : ''}`,
  () => {
    let cluster: TestRedisCluster;
    let host: Cluster;
    const storages: { close(): Promise<void> }[] = [];

    beforeAll(async () => {
      cluster = await startRedisCluster();
      host = new Cluster([...cluster.nodes], { lazyConnect: true });
    });

    afterAll(async () => {
      await Promise.all(storages.map((storage) => storage.close()));
      host?.disconnect();
      await cluster?.stop();
    });

    async function connect(commandTimeoutMs = 5_000): Promise<RedisLimitStorage> {
      const storage = await createRedisLimitStorage({ client: host, commandTimeoutMs });
      storages.push(storage);
      return storage;
    }

    it('exactly, for keys on every node', async () => {
      const processes = [await connect(), await connect()];
      const keys = Array.from({ length: 30 }, (_, i) => `203.0.113.${i}`);
      const admitted = await Promise.all(
        keys.map(async (key) => {
          const hits = processes.flatMap((storage) =>
            Array.from({ length: 50 }, () => storage.hit(key, fivePerMinute)),
          );
          return (await Promise.all(hits)).filter((answer) => answer.admitted).length;
        }),
      );
      expect(admitted).toEqual(keys.map(() => 5));
    });

    it('gives back and resets on the right node', async () => {
      const storage = await connect();
      for (const key of ['a', 'b', 'c', 'd', 'user:{odd}key}', '}', '']) {
        const { slot } = await storage.hit(key, { limit: 1, ttlMs: 60_000 });
        expect(await storage.release(key, slot as string)).toBe(true);
        await storage.hit(key, { limit: 1, ttlMs: 60_000 });
        expect(await storage.reset(key)).toBe(true);
      }
    });

    it('is insured while a node hangs, and shared again when it goes on', async () => {
      const storage = new ResilientLimitStorage({
        primary: await connect(100),
        fallback: new MemoryLimitStorage(),
      });
      storages.push(storage);
      const hitAll = () =>
        Promise.all(Array.from({ length: 30 }, (_, i) => storage.hit(`k${i}`, fivePerMinute)));
      await hitAll();
      cluster.kill(0, 'SIGSTOP');
      try {
        const start = performance.now();
        const answers = await hitAll();
        expect(performance.now() - start).toBeLessThan(250);
        expect(answers.every(({ admitted }) => admitted)).toBe(true);
        expect(storage.stats().state).not.toBe('closed');
      } finally {
        cluster.kill(0, 'SIGCONT');
      }
      await vi.waitFor(() => expect(storage.stats().state).toBe('closed'), {
        timeout: 10_000,
        interval: 20,
      });
      const { insuranceHits } = storage.stats();
      await hitAll();
      expect(storage.stats()).toMatchObject({ insuranceHits });
    });
  },
);
