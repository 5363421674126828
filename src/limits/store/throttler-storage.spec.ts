import { describe, expect, it } from 'vitest';

import { MemoryLimitStorage } from './memory/memory-limit-storage.js';
import { toThrottlerStorage } from './throttler-storage.js';

function storageAt(now: number) {
  const clock = { now };
  return { clock, storage: toThrottlerStorage(new MemoryLimitStorage({ now: () => clock.now })) };
}

describe('toThrottlerStorage', () => {
  it('speaks the records that ThrottlerGuard reads', async () => {
    const { clock, storage } = storageAt(0);
    const increment = () => storage.increment('k', 60_000, 2, 0, 'default');
    const admitted = { isBlocked: false, timeToBlockExpire: 0 };
    expect(await increment()).toEqual({ ...admitted, totalHits: 1, timeToExpire: 60 });
    clock.now = 500;
    expect(await increment()).toEqual({ ...admitted, totalHits: 2, timeToExpire: 60 });
    clock.now = 10_500;
    expect(await increment()).toEqual({
      totalHits: 3,
      timeToExpire: 50,
      isBlocked: true,
      timeToBlockExpire: 50,
    });
    clock.now = 60_000;
    expect(await increment()).toMatchObject({ ...admitted, totalHits: 2 });
  });

  it('blocks for the block duration', async () => {
    const { clock, storage } = storageAt(0);
    const increment = () => storage.increment('k', 1_000, 1, 30_000, 'default');
    await increment();
    expect(await increment()).toMatchObject({ isBlocked: true, timeToBlockExpire: 30 });
    clock.now = 29_999;
    expect(await increment()).toMatchObject({ isBlocked: true, timeToBlockExpire: 1 });
    clock.now = 30_000;
    expect(await increment()).toMatchObject({ isBlocked: false });
  });

  it('keeps two throttlers apart under one key', async () => {
    const { storage } = storageAt(0);
    await storage.increment('k', 1_000, 1, 0, 'short');
    expect(await storage.increment('k', 60_000, 1, 0, 'long')).toMatchObject({ isBlocked: false });
    expect(await storage.increment('k', 60_000, 1, 0, 'long')).toMatchObject({ isBlocked: true });
  });

  it('admits without a limit', async () => {
    const { storage } = storageAt(0);
    expect(await storage.increment('k', 1_000, Infinity, 1_000, 'default')).toEqual({
      totalHits: 1,
      timeToExpire: 0,
      isBlocked: false,
      timeToBlockExpire: 0,
    });
  });
});
