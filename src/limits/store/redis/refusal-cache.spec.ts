import { describe, expect, it } from 'vitest';

import { RefusalCache } from './refusal-cache.js';

const rule = { limit: 5, ttlMs: 60_000, cost: 1, blockForMs: 0 };
const refusal = {
  admitted: false,
  limit: 5,
  remaining: 0,
  retryAfterMs: 30_000,
  resetAfterMs: 50_000,
  slot: null,
};

describe('RefusalCache', () => {
  it('repeats a refusal for as long as it may, and counts its waits down', () => {
    const cache = new RefusalCache(1_000);
    cache.remember('k', rule, refusal, 0);
    expect(cache.find('k', rule, 999)).toEqual({
      ...refusal,
      retryAfterMs: 29_001,
      resetAfterMs: 49_001,
    });
    expect(cache.find('k', rule, 1_000)).toBeNull();
    expect(cache.find('other', rule, 0)).toBeNull();
  });

  it('does not outlive the refusal', () => {
    const cache = new RefusalCache(1_000);
    cache.remember('k', rule, { ...refusal, retryAfterMs: 10 }, 0);
    expect(cache.find('k', rule, 9)).not.toBeNull();
    expect(cache.find('k', rule, 10)).toBeNull();
  });

  it.each([{ limit: 6 }, { ttlMs: 30_000 }, { cost: 2 }, { blockForMs: 1_000 }])(
    'says nothing about a rule with another %o',
    (other) => {
      const cache = new RefusalCache(1_000);
      cache.remember('k', rule, refusal, 0);
      expect(cache.find('k', { ...rule, ...other }, 1)).toBeNull();
    },
  );

  it('forgets what was given back, and the oldest when it is full', () => {
    const cache = new RefusalCache(1_000, 2);
    for (const key of ['a', 'b', 'c']) cache.remember(key, rule, refusal, 0);
    cache.forget('c');
    expect(['a', 'b', 'c'].map((key) => cache.find(key, rule, 1) !== null)).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('remembers nothing with an age of 0', () => {
    const cache = new RefusalCache(0);
    cache.remember('k', rule, refusal, 0);
    expect(cache.find('k', rule, 0)).toBeNull();
  });
});
