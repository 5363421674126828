import * as fc from 'fast-check';
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

  it('count as a list of what was within the window does', () => {
    const kinds = [
      { windowUs: 10, atLeast: 2, most: 4 },
      { windowUs: 25, atLeast: 6, most: 1_000, lateUs: 5 },
    ];
    const step = fc.record({
      kind: fc.constantFrom(0, 1),
      who: fc.nat(3),
      after: fc.nat(8),
      value: fc.option(fc.nat(3)),
      isForgotten: fc.nat(30).map((n) => n === 0),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const counters = new Counters(kinds, 4_000_000, 1);
        const lists = new Map<string, { atUs: number; value: number | null }[]>();
        let atUs = 1_000;
        for (const { kind, who, after, value, isForgotten } of steps) {
          atUs += after;
          counters.sweep(atUs);
          const { windowUs, most } = kinds[kind]!;
          const [low, high] = key(who * 2 + kind);
          const name = `${kind} ${who}`;
          if (isForgotten) {
            counters.forget(low, high);
            lists.delete(name);
          }
          const list = (lists.get(name) ?? []).filter((one) => one.atUs >= atUs - windowUs);
          const same = value === null ? -1 : list.findIndex((one) => one.value === value);
          if (same >= 0) list.splice(same, 1);
          if (list.length >= most) list.shift();
          list.push({ atUs, value: value ?? 0 });
          lists.set(name, list);
          expect(counters.count(kind, low, high, atUs, value)).toBe(list.length);
          expect(counters.firstUs).toBe(list[0]!.atUs);
        }
        expect(counters.size).toBe(lists.size);
        expect([counters.evicted, counters.uncounted]).toEqual([0, 0]);
      }),
    );
  });

  it('go when their last one is over, not before, and give back what they took', () => {
    const counters = new Counters([KIND], 4_000_000, 1);
    const empty = counters.bytes;
    for (let n = 0; n < 20; n += 1) counters.count(0, ...key(n), n * SECOND_US, null);
    const filled = counters.bytes;
    const sweepAll = (nowUs: number) => {
      for (let n = 0; n < 40_000; n += 1) counters.sweep(nowUs);
    };
    sweepAll(20 * SECOND_US);
    expect(counters.size).toBe(10);
    sweepAll(29 * SECOND_US);
    expect(counters.size).toBe(1);
    // Cells are used again: no page is added for as many as there were before.
    for (let n = 0; n < 10_000; n += 1) {
      counters.count(0, ...key(n % 10), 100 * SECOND_US + n * SECOND_US, null);
    }
    expect(counters.bytes).toBe(filled);
    expect(filled).toBeGreaterThan(empty);
    expect(counters.evicted).toBe(0);
  });

  it('give up who has come least far, and of those who was idle longest', () => {
    // So little that a few hundred are all there can be.
    const counters = new Counters([KIND], 1_024 * 32 * 20 + 16_384 * 16, 7);
    const near = Array.from({ length: 100 }, (_, n) => key(5_000_000 + n));
    for (const [low, high] of near) {
      for (let n = 0; n < 8; n += 1) counters.count(0, low, high, n, null);
    }
    const found = Array.from({ length: 100 }, (_, n) => key(6_000_000 + n));
    for (const [low, high] of found) {
      for (let n = 0; n < 10; n += 1) counters.count(0, low, high, n, null);
    }
    for (let n = 0; n < 60_000; n += 1) counters.count(0, ...key(n), 100 + n, null);
    const isThere = ([low, high]: [number, number], count: number) =>
      counters.count(0, low, high, 100_000, null) === count + 1;
    expect(counters.evicted).toBeGreaterThan(40_000);
    // Whose own counter goes to make room for it is not counted, which is seldom.
    expect(counters.uncounted).toBeGreaterThan(0);
    expect(counters.uncounted).toBeLessThan(100);
    expect(counters.evicted + counters.uncounted + counters.size).toBe(60_200);
    expect(near.filter((one) => isThere(one, 8)).length).toBeGreaterThan(95);
    // What had been found is worth nothing any more.
    expect(found.filter((one) => isThere(one, 10)).length).toBeLessThan(20);
    // The latest are there rather than the earliest.
    const kept = (from: number) =>
      Array.from({ length: 1_000 }, (_, n) => key(from + n)).filter((one) => isThere(one, 1));
    expect(kept(59_000).length).toBeGreaterThan(900);
  });

  it('give up what is over before anybody else, which costs nobody anything', () => {
    const counters = new Counters([KIND], 1_024 * 32 * 20 + 16_384 * 16, 7);
    for (let n = 0; n < 16_384; n += 1) counters.count(0, ...key(n), 0, null);
    const full = counters.size;
    expect(counters.evicted).toBe(0);
    for (let n = 0; n < 5_000; n += 1) {
      expect(counters.count(0, ...key(20_000 + n), 60 * SECOND_US, null)).toBe(1);
    }
    expect(full).toBe(16_384);
    expect(counters.evicted).toBeLessThan(100);
    expect(counters.uncounted).toBe(0);
  });

  it('count nothing where there is no room at all, and say so', () => {
    const counters = new Counters([KIND], 0, 1);
    expect(counters.count(0, ...key(1), 0, null)).toBe(0);
    expect(counters.uncounted).toBe(1);
    expect(counters.evicted).toBe(0);
    expect(counters.size).toBe(1);
    for (let n = 0; n < 40_000; n += 1) counters.sweep(0);
    expect(counters.size).toBe(0);
  });

  it('give up who has come least far by what each has to reach', () => {
    const kinds = [10, 100, 2].map((atLeast) => ({ ...KIND, atLeast, most: 200 }));
    const counters = new Counters(kinds, 1_024 * 32 * 20 + 16_384 * 16, 7);
    const half = Array.from({ length: 100 }, (_, n) => key(5_000_000 + n));
    const fifth = Array.from({ length: 100 }, (_, n) => key(6_000_000 + n));
    for (const [low, high] of half) {
      for (let n = 0; n < 5; n += 1) counters.count(0, low, high, 200 + n, null);
    }
    for (const [low, high] of fifth) {
      for (let n = 0; n < 20; n += 1) counters.count(1, low, high, 200 + n, null);
    }
    // Each of these is half-way with its first.
    for (let n = 0; n < 30_000; n += 1) counters.count(2, ...key(n), 300, null);
    const left = (kind: number, keys: [number, number][], more: number) =>
      keys.filter(([low, high]) => counters.count(kind, low, high, 400, null) > more).length;
    expect(left(1, fifth, 1)).toBeLessThan(10);
  });

  it('tell values apart where room had to be made for them', () => {
    const counters = new Counters([KIND], 1_024 * 32 * 20 + 16_384 * 16, 7);
    for (let n = 0; n < 20_000; n += 1) counters.count(0, ...key(n), n, n);
    const counts = Array.from({ length: 1_000 }, (_, n) => {
      counters.count(0, ...key(50_000 + n), 30_000 + n, 7);
      return counters.count(0, ...key(50_000 + n), 30_000 + n, 7);
    });
    expect(Math.max(...counts)).toBe(1);
  });
});
