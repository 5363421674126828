import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBudget, NONE } from './cell-arena.js';
import { CounterSegment } from './counter-segment.js';

/** Keys that crowd at the end of any table, so that searches go over it. */
const key = fc.tuple(
  fc.constantFrom(0, 1, 30, 31, 63, 0xffff_ffff, 0x8000_001f),
  fc.constantFrom(0, 1, 0xffff_ffff, 0x8000_0000),
);
const step = fc.oneof(
  fc.record({ what: fc.constant('add' as const), key, owner: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ what: fc.constant('remove' as const), key }),
  fc.record({ what: fc.constant('longer' as const), key }),
  fc.record({ what: fc.constant('shorter' as const), key }),
  fc.record({ what: fc.constant('ends' as const), key, head: fc.nat(), tail: fc.nat() }),
);

interface Known {
  key: readonly [number, number];
  owner: number;
  count: number;
  head: number;
  tail: number;
}

function check(segment: CounterSegment, known: Map<string, Known>): void {
  expect(segment.size).toBe(known.size);
  for (const {
    key: [low, high],
    owner,
    count,
    head,
    tail,
  } of known.values()) {
    const slot = segment.find(low, high);
    expect(slot).toBeGreaterThanOrEqual(0);
    expect({
      owner: segment.ownerOf(slot),
      count: segment.countOf(slot),
      head: segment.headOf(slot),
      tail: segment.tailOf(slot),
    }).toEqual({ owner, count, head, tail });
  }
  const owners = Array.from({ length: segment.capacity }, (_, slot) => segment.ownerOf(slot));
  expect(owners.filter((owner) => owner !== 0)).toHaveLength(known.size);
}

describe('a segment of counters', () => {
  it('has what was put into it, whatever else comes and goes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const segment = new CounterSegment(new MemoryBudget(100_000));
        const known = new Map<string, Known>();
        for (const { what, key: of, ...rest } of steps) {
          const [low, high] = of;
          const slot = segment.find(low, high);
          const before = known.get(of.join());
          expect(slot >= 0).toBe(before !== undefined);
          if (what === 'add' && before === undefined) {
            if (segment.isFull) segment.grows();
            const { owner } = rest as { owner: number };
            segment.add(low, high, owner);
            known.set(of.join(), { key: of, owner, count: 0, head: NONE, tail: NONE });
          } else if (before === undefined) {
            continue;
          } else if (what === 'remove') {
            segment.remove(slot);
            known.delete(of.join());
          } else if (what === 'longer') {
            segment.addToCount(slot, 1);
            before.count += 1;
          } else if (what === 'shorter' && before.count > 0) {
            segment.addToCount(slot, -1);
            before.count -= 1;
          } else if (what === 'ends') {
            Object.assign(before, rest);
            segment.setHead(slot, before.head);
            segment.setTail(slot, before.tail);
          }
        }
        check(segment, known);
      }),
    );
  });

  it('keeps all that it has when it grows, for the memory it says', () => {
    const budget = new MemoryBudget(20 * (32 + 64 + 128));
    const segment = new CounterSegment(budget);
    expect(budget.used).toBe(20 * 32);
    const known = new Map<string, Known>();
    for (let n = 0; known.size < 96; n += 1) {
      expect(!segment.isFull || segment.grows()).toBe(true);
      const of = [Math.imul(n, 31) >>> 0, n] as const;
      const slot = segment.add(...of, 7);
      segment.setHead(slot, n);
      segment.setTail(slot, 2 * n);
      segment.addToCount(slot, 1);
      known.set(of.join(), { key: of, owner: 7, count: 1, head: n, tail: 2 * n });
    }
    check(segment, known);
    expect(segment.capacity).toBe(128);
    expect(budget.used).toBe(20 * 128);
    expect(segment.isFull).toBe(true);
  });

  it('is full at three quarters, and does not grow beyond the memory there is', () => {
    const budget = new MemoryBudget(20 * 63);
    const segment = new CounterSegment(budget);
    for (let n = 0; n < 24; n += 1) {
      expect(segment.isFull).toBe(false);
      segment.add(n, n, 1);
    }
    expect(segment.isFull).toBe(true);
    expect(segment.grows()).toBe(false);
    expect(segment.capacity).toBe(32);
    expect(budget.used).toBe(20 * 32);
    expect(segment.find(23, 23)).toBeGreaterThanOrEqual(0);
  });
});
