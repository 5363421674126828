import { describe, expect, it } from 'vitest';
import { Counters } from './counters.js';

const SECOND_US = 1_000_000;
const KIND = { windowUs: 10 * SECOND_US, atLeast: 10, most: 20 };

/** Two numbers that look like a hash. */
function key(n: number): [number, number] {
  return [Math.imul(n, 0x9e3779b1) >>> 0, Math.imul(n ^ 0x5bd1e995, 0x85ebca6b) >>> 0];
}

describe('Counters', () => {
  it('count within a window whose first moment belongs to it', () => {
    const counters = new Counters([KIND], 4_000_000, 1);
    expect(counters.count(0, ...key(1), 0, null)).toBe(1);
    expect(counters.count(0, ...key(1), 5 * SECOND_US, null)).toBe(2);
    expect(counters.count(0, ...key(1), 10 * SECOND_US, null)).toBe(3);
    expect(counters.count(0, ...key(1), 10 * SECOND_US + 1, null)).toBe(3);
    expect(counters.firstUs).toBe(5 * SECOND_US);
  });

  it('count a value once, and from its last time on', () => {
    const counters = new Counters([KIND], 4_000_000, 1);
    const count = (atUs: number, value: number) => counters.count(0, ...key(1), atUs, value);
    expect([count(0, 7), count(1, 7), count(2, 8), count(10 * SECOND_US + 1, 9)]).toEqual([
      1, 1, 2, 3,
    ]);
    expect(count(10 * SECOND_US + 2, 8)).toBe(2);
  });

  it('count no further than they have to', () => {
    const counters = new Counters([KIND], 4_000_000, 1);
    for (let n = 0; n < 100; n += 1) counters.count(0, ...key(1), n, null);
    expect(counters.count(0, ...key(1), 100, null)).toBe(20);
  });

  it('let go of what is over, without a timer', () => {
    const counters = new Counters([KIND], 4_000_000, 1);
    for (let n = 0; n < 1_000; n += 1) counters.count(0, ...key(n), 0, null);
    expect(counters.size).toBe(1_000);
    for (let n = 0; n < 40_000; n += 1) counters.sweep(60 * SECOND_US);
    expect(counters.size).toBe(0);
  });

  it('keep what something may still be counted with that was decided upon late', () => {
    const late = { ...KIND, lateUs: 5 * SECOND_US };
    const counters = new Counters([late], 4_000_000, 1);
    for (let n = 0; n < 9; n += 1) counters.count(0, ...key(1), 0, null);
    for (let n = 0; n < 40_000; n += 1) counters.sweep(15 * SECOND_US);
    expect(counters.count(0, ...key(1), 10 * SECOND_US, null)).toBe(10);
    for (let n = 0; n < 40_000; n += 1) counters.sweep(25 * SECOND_US + 1);
    expect(counters.size).toBe(0);
  });

  it('stay within their bytes, and keep who is nearly there through a flood', () => {
    const maxBytes = 4_000_000;
    const counters = new Counters([KIND], maxBytes, 1);
    const slow = Array.from({ length: 50 }, (_, n) => key(1_000_000_000 + n));
    for (const [low, high] of slow) {
      for (let n = 0; n < 9; n += 1) counters.count(0, low, high, n, null);
    }
    let most = 0;
    for (let n = 0; n < 400_000; n += 1) {
      counters.count(0, ...key(n), 1_000 + n, null);
      most = Math.max(most, counters.bytes);
    }
    expect(most).toBeLessThanOrEqual(maxBytes);
    expect(counters.evicted).toBeGreaterThan(100_000);
    expect(counters.uncounted).toBeLessThan(1_000);
    const kept = slow.filter(([low, high]) => counters.count(0, low, high, 2_000, null) === 10);
    expect(kept).toHaveLength(slow.length);
  });

  it('forget a counter, and find those behind it', () => {
    const counters = new Counters([KIND], 4_000_000, 1);
    const keys = Array.from({ length: 2_000 }, (_, n) => key(n));
    for (const [low, high] of keys) counters.count(0, low, high, 0, null);
    for (const [low, high] of keys.slice(0, 1_000)) counters.forget(low, high);
    expect(counters.size).toBe(1_000);
    expect(
      keys.slice(1_000).every(([low, high]) => counters.count(0, low, high, 1, null) === 2),
    ).toBe(true);
  });
});
