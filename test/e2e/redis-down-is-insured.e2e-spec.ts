import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { freePort } from '../../demo/postgres/free-port.js';
import { LimitStoreUnavailableError } from '../../src/limits/store/limit-storage.js';
import { MemoryLimitStorage } from '../../src/limits/store/memory/memory-limit-storage.js';
import { createRedisLimitStorage } from '../../src/limits/store/redis/redis-limit-storage.js';
import { ResilientLimitStorage } from '../../src/limits/store/resilient-limit-storage.js';
import { blackHoleProxy } from '../support/black-hole-proxy.js';
import type { BlackHoleProxy } from '../support/black-hole-proxy.js';
import { redisAvailable, startRedis } from '../support/redis.js';
import type { TestRedis } from '../support/redis.js';

const whyNot = redisAvailable();
const rule = { limit: 100, ttlMs: 60_000 };

/** What a hit may take while Redis is silent: the command timeout of 100 ms, and what a busy test machine adds. */
const FIRST_HIT_MS = 250;
/** What the median hit may take while the circuit is open. */
const INSURED_HIT_MS = 5;
const RECOVERY_MS = 5_000;

describe.skipIf(whyNot !== null)(`Redis down is insured${whyNot ? ` (${whyNot})` : ''}`, () => {
  const ends: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  async function server(port?: number): Promise<TestRedis> {
    const started = await startRedis({ port });
    ends.push(() => started.stop());
    return started;
  }

  async function limits(port: number) {
    const states: string[] = [];
    const redis = await createRedisLimitStorage({ url: `redis://127.0.0.1:${port}` });
    const storage = new ResilientLimitStorage({
      primary: redis,
      fallback: new MemoryLimitStorage(),
      onStateChange: ({ state }) => states.push(state),
    });
    ends.push(() => storage.close());
    return { storage, states };
  }

  async function recovered(storage: ResilientLimitStorage): Promise<void> {
    await vi.waitFor(() => expect(storage.stats().state).toBe('closed'), {
      timeout: RECOVERY_MS,
      interval: 20,
    });
  }

  async function timed<T>(answer: () => Promise<T>): Promise<{ ms: number; answer: T }> {
    const start = performance.now();
    const given = await answer();
    return { ms: performance.now() - start, answer: given };
  }

  /** Fifty at once, each of which is a first affected hit, and then fifty more with the circuit open. */
  async function expectInsurance(storage: ResilientLimitStorage): Promise<void> {
    const first = await timed(() =>
      Promise.all(Array.from({ length: 50 }, () => storage.hit('k', rule))),
    );
    expect(first.ms).toBeLessThan(FIRST_HIT_MS);
    expect(first.answer.every(({ admitted }) => admitted)).toBe(true);
    const later: number[] = [];
    for (let i = 0; i < 50; i++) later.push((await timed(() => storage.hit('k', rule))).ms);
    expect(later.sort((a, b) => a - b)[25]).toBeLessThan(INSURED_HIT_MS);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: false });
    await expect(storage.hit('k', rule, { failClosed: true })).rejects.toThrow(
      LimitStoreUnavailableError,
    );
  }

  it('after kill -9, until it is started again', async () => {
    const redis = await server();
    const { storage, states } = await limits(redis.port);
    await storage.hit('k', rule);
    redis.kill('SIGKILL');
    await expectInsurance(storage);

    const again = await server(redis.port);
    await recovered(storage);
    expect(states).toEqual(['open', 'closed']);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true, remaining: 99 });
    expect(await keysOf(again)).toEqual(['ipt:{k}']);
  });

  it.each([
    { name: 'for a moment, so that its connections survive', frozenMs: 400 },
    { name: 'for so long that its connections are given up', frozenMs: 2_500 },
  ])('while it is frozen $name', async ({ frozenMs }) => {
    const redis = await server();
    const { storage, states } = await limits(redis.port);
    await storage.hit('k', rule);
    redis.kill('SIGSTOP');
    ends.push(async () => redis.kill('SIGCONT'));
    await expectInsurance(storage);
    await new Promise((resolve) => setTimeout(resolve, frozenMs));
    expect(storage.stats().state).not.toBe('closed');

    redis.kill('SIGCONT');
    await recovered(storage);
    expect(states).toEqual(['open', 'closed']);
    // The fifty hits that reached its socket while it was frozen have expired in it.
    expect(await storage.peek('k', rule)).toMatchObject({ remaining: 99 });
  });

  it('while a network swallows its packets', async () => {
    const redis = await server();
    const proxy: BlackHoleProxy = await blackHoleProxy(redis.port);
    ends.push(() => proxy.stop());
    const { storage, states } = await limits(proxy.port);
    await storage.hit('k', rule);
    proxy.isSwallowing = true;
    await expectInsurance(storage);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(storage.stats().state).not.toBe('closed');

    proxy.isSwallowing = false;
    await recovered(storage);
    expect(states).toEqual(['open', 'closed']);
    expect(await storage.peek('k', rule)).toMatchObject({ remaining: 99 });
  });

  it('from the start, until it is there', async () => {
    const port = await freePort();
    const start = await timed(() => limits(port));
    expect(start.ms).toBeLessThan(1_500);
    const { storage } = start.answer;
    await expectInsurance(storage);
    await server(port);
    await recovered(storage);
    expect(await storage.hit('k', rule)).toMatchObject({ admitted: true, remaining: 99 });
  });

  it('shares a limit again between two processes after both have lost it', async () => {
    const redis = await server();
    const [one, other] = [await limits(redis.port), await limits(redis.port)];
    redis.kill('SIGKILL');
    await one.storage.hit('k', rule);
    await other.storage.hit('k', rule);
    await server(redis.port);
    await Promise.all([recovered(one.storage), recovered(other.storage)]);
    const five = { limit: 5, ttlMs: 60_000 };
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => (i % 2 ? one : other).storage.hit('shared', five)),
    );
    expect(answers.filter(({ admitted }) => admitted)).toHaveLength(5);
    expect(one.storage.stats().insuranceHits + other.storage.stats().insuranceHits).toBe(2);
  });
});

async function keysOf({ url }: TestRedis): Promise<string[]> {
  const redis = new Redis(url);
  try {
    return await redis.keys('*');
  } finally {
    redis.disconnect();
  }
}
