import { assert, property, sample } from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  clockSchedules,
  LimitReplay,
  limitSchedules,
  playClock,
} from '../../../../test/support/limit-oracle.js';
import type { DrivenStorage } from '../../../../test/support/limit-oracle.js';
import type { LimitRule } from '../limit-storage.js';
import { MemoryLimitStorage } from './memory-limit-storage.js';
import type { MemoryLimitStorageOptions } from './memory-limit-storage.options.js';

const fivePerMinute = { limit: 5, ttlMs: 60_000 };

function storageAt(start: number, options: MemoryLimitStorageOptions = {}) {
  const clock = { now: start };
  return { clock, storage: new MemoryLimitStorage({ now: () => clock.now, ...options }) };
}

describe('MemoryLimitStorage', () => {
  it('answers as the naive oracle does, in 100,000 random schedules', () => {
    const { clock, storage } = storageAt(0);
    let key = '';
    const driven: DrivenStorage = {
      hit: (rule, now) => ((clock.now = now), storage.hit(key, rule)),
      peek: (rule, now) => ((clock.now = now), storage.peek(key, rule)),
      release: (slot, now) => ((clock.now = now), storage.release(key, slot)),
      reset: (now) => ((clock.now = now), storage.reset(key)),
    };
    let schedules = 0;
    assert(
      property(limitSchedules(), (schedule) => {
        // Schedules follow one another in time, so that what one leaves behind is swept while the next ones run.
        key = `10.0.${schedules++}`;
        expect(new LimitReplay(clock.now).play(schedule, driven)).toBeNull();
      }),
      { numRuns: 100_000 },
    );
    expect(storage.stats().keys).toBeLessThan(100);
    expect(storage.stats().evictions).toBe(0);
  });

  it('lets 5 of 1,000 pass, whatever else comes in between', () => {
    const { storage } = storageAt(0);
    let admitted = 0;
    for (let i = 0; i < 1_000; i++) {
      storage.hit(`198.51.100.${i}`, fivePerMinute);
      if (storage.hit('203.0.113.7', fivePerMinute).admitted) admitted++;
    }
    expect(admitted).toBe(5);
  });

  it.each([
    { name: 'a step of an hour back', stepMs: -3_600_000 },
    { name: 'many small steps back', stepMs: -10 },
  ])('neither opens nor locks a bucket after $name of its clock', ({ stepMs }) => {
    const { clock, storage } = storageAt(10_000_000);
    for (let i = 0; i < 5; i++) storage.hit('k', fivePerMinute);
    clock.now += stepMs;
    expect(storage.hit('k', fivePerMinute)).toMatchObject({
      admitted: false,
      retryAfterMs: 60_000,
    });
    clock.now += 59_999;
    expect(storage.hit('k', fivePerMinute)).toMatchObject({ admitted: false, retryAfterMs: 1 });
    clock.now += 1;
    expect(storage.hit('k', fivePerMinute)).toMatchObject({ admitted: true });
  });

  it('neither opens nor locks a bucket in 10,000 schedules of clocks that are set back', async () => {
    const found: unknown[] = [];
    for (const schedule of sample(clockSchedules(), { numRuns: 10_000 })) {
      const { clock, storage } = storageAt(0, { maxKeys: 10 });
      const hit = (rule: LimitRule, wall: number) => ((clock.now = wall), storage.hit('k', rule));
      const wrong = await playClock(schedule, hit);
      if (wrong !== null) found.push({ wrong, schedule });
    }
    expect(found).toEqual([]);
  });

  it('gives a slot back once, and to nobody but its key', () => {
    const { clock, storage } = storageAt(0);
    const rule = { limit: 2, ttlMs: 1_000 };
    const first = storage.hit('a', rule).slot as string;
    storage.hit('a', rule);
    storage.hit('b', rule);
    expect(storage.release('b', first)).toBe(false);
    expect(storage.release('c', first)).toBe(false);
    expect(storage.release('a', first)).toBe(true);
    expect(storage.release('a', first)).toBe(false);
    const again = storage.hit('a', rule);
    expect(again).toMatchObject({ admitted: true, remaining: 0 });
    // The record of the first admission is in use again, by another.
    expect(storage.release('a', first)).toBe(false);
    expect(storage.hit('a', rule).admitted).toBe(false);
    clock.now += 1_000;
    expect(storage.release('a', again.slot as string)).toBe(false);
  });

  it.each([
    '',
    'x',
    '0',
    '0.0',
    '0.0.0',
    '0.0.9',
    '-1.0.1',
    '0.-1.1',
    '0.99.1',
    '0.5.1',
    '1e9.0.1',
  ])('knows no slot %j', (slot) => {
    const { storage } = storageAt(0);
    storage.hit('a', fivePerMinute);
    expect(storage.release('a', slot)).toBe(false);
    expect(storage.peek('a', fivePerMinute).remaining).toBe(4);
  });

  it('keeps nothing for a key that has nothing left', () => {
    const { storage } = storageAt(0);
    const { slot } = storage.hit('a', fivePerMinute);
    storage.hit('b', { limit: 0, ttlMs: 1_000 });
    storage.peek('c', fivePerMinute);
    storage.release('a', slot as string);
    expect(storage.stats()).toEqual({ keys: 0, admissions: 0, evictions: 0 });
  });

  it('counts nothing for a limit of Infinity', () => {
    const { storage } = storageAt(0);
    const result = storage.hit('a', { limit: Infinity, ttlMs: 1_000 });
    expect(result).toMatchObject({ admitted: true, remaining: Infinity, slot: null });
    expect(storage.stats().keys).toBe(0);
  });

  it.each([
    { limit: Number.NaN, ttlMs: 1_000 },
    { limit: -1, ttlMs: 1_000 },
    { limit: 5, ttlMs: 0 },
    { limit: 5, ttlMs: Number.NaN },
    { limit: 5, ttlMs: Infinity },
    { limit: 5, ttlMs: 1_000, cost: 0 },
    { limit: 5, ttlMs: 1_000, cost: 1.5 },
    { limit: 5, ttlMs: 1_000, blockForMs: -1 },
    { limit: 5, ttlMs: 1_000, blockForMs: Infinity },
  ])('refuses the rule %o', (rule) => {
    const { storage } = storageAt(0);
    const code = expect.objectContaining({ code: 'IPT_INVALID_OPTION' });
    expect(() => storage.hit('a', rule)).toThrow(code);
    expect(() => storage.peek('a', rule)).toThrow(code);
  });

  it.each([{ maxKeys: 0 }, { maxKeys: 1.5 }, { maxKeys: 2 ** 31 }, { maxAdmissions: 0 }])(
    'refuses the bound %o',
    (options) => {
      expect(() => new MemoryLimitStorage(options)).toThrow(/write a whole number/);
    },
  );

  describe('at its bound', () => {
    it('forgets the idlest keys, and not a client who keeps coming', () => {
      const { clock, storage } = storageAt(0, { maxKeys: 1_000 });
      let admitted = 0;
      for (let i = 0; i < 100_000; i++) {
        clock.now += 0.1;
        storage.hit(`2001:db8:${i.toString(16)}::/64`, fivePerMinute);
        if (i % 500 === 0 && storage.hit('203.0.113.7', fivePerMinute).admitted) admitted++;
      }
      expect(admitted).toBe(5);
      expect(storage.stats()).toMatchObject({ keys: 1_000, evictions: 99_001 });
    });

    it('does not count an expired key as forgotten', () => {
      const { clock, storage } = storageAt(0, { maxKeys: 10 });
      for (let i = 0; i < 100; i++) {
        clock.now += 60_000;
        storage.hit(`k${i}`, fivePerMinute);
      }
      expect(storage.stats().evictions).toBe(0);
    });

    it('bounds admissions as well as keys', () => {
      const { storage } = storageAt(0, { maxKeys: 1_000, maxAdmissions: 50 });
      for (let i = 0; i < 1_000; i++) storage.hit(`k${i % 20}`, { limit: 100, ttlMs: 1_000 });
      expect(storage.stats().admissions).toBeLessThanOrEqual(50);
      expect(storage.stats().evictions).toBeGreaterThan(0);
    });

    it('admits a single key no more than there may be admissions', () => {
      const { storage } = storageAt(0, { maxAdmissions: 50 });
      const rule = { limit: 1_000, ttlMs: 1_000 };
      const answers = Array.from({ length: 200 }, () => storage.hit('k', rule));
      expect(answers.filter(({ admitted }) => admitted)).toHaveLength(50);
      expect(answers[199]).toMatchObject({ limit: 1_000, retryAfterMs: 1_000 });
    });
  });

  it('sweeps what has expired while other keys are hit', () => {
    const { clock, storage } = storageAt(0);
    for (let i = 0; i < 50_000; i++) storage.hit(`k${i}`, fivePerMinute);
    clock.now += 60_000;
    for (let i = 0; i < 25_001; i++) storage.hit('other', fivePerMinute);
    expect(storage.stats()).toEqual({ keys: 1, admissions: 5, evictions: 0 });
  });

  it('forgets everything when it is closed', async () => {
    const { storage } = storageAt(0);
    storage.hit('a', fivePerMinute);
    await storage.close();
    expect(storage.stats().keys).toBe(0);
    expect(storage.peek('a', fivePerMinute).remaining).toBe(5);
  });
});
