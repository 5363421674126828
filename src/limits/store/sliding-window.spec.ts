import { assert, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LimitReplay, limitSchedules } from '../../../test/support/limit-oracle.js';
import type { DrivenStorage } from '../../../test/support/limit-oracle.js';
import { toWindowRule } from './limit-storage.js';
import type { LimitResult, LimitRule } from './limit-storage.js';
import { EMPTY_BUCKET, judge, NO_ENTRY } from './sliding-window.js';
import type { Admissions, Verdict, WindowRule } from './sliding-window.js';

/** The plainest keeper of admissions: an array. */
class PlainBucket implements Admissions, DrivenStorage {
  private entries: { at: number; cost: number; slot: string }[] = [];
  private keptTtlMs = 0;
  private blockedUntil = EMPTY_BUCKET.blockedUntil;
  private made = 0;

  newer(entry: number): number {
    return entry + 1 < this.entries.length ? entry + 1 : NO_ENTRY;
  }

  admittedAt(entry: number): number {
    return this.entries[entry]!.at;
  }

  costOf(entry: number): number {
    return this.entries[entry]!.cost;
  }

  hit(limitRule: LimitRule, now: number): LimitResult {
    const rule = toWindowRule(limitRule);
    this.prune(now);
    this.keptTtlMs = Math.max(this.keptTtlMs, rule.ttlMs);
    const { blockedUntil, ...verdict } = this.judge(rule, now, 'hit');
    this.blockedUntil = blockedUntil;
    const slot = verdict.admitted ? String(this.made++) : null;
    if (slot !== null) this.entries.push({ at: now, cost: rule.cost, slot });
    return { ...inOrder(rule, verdict), slot };
  }

  peek(limitRule: LimitRule, now: number): LimitResult {
    const rule = toWindowRule(limitRule);
    this.prune(now);
    return { ...inOrder(rule, this.judge(rule, now, 'peek')), slot: null };
  }

  release(slot: string, now: number): boolean {
    this.prune(now);
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => entry.slot !== slot);
    return this.entries.length < before;
  }

  reset(now: number): boolean {
    this.prune(now);
    const hadAny = this.entries.length > 0 || this.blockedUntil > now;
    this.entries = [];
    this.blockedUntil = EMPTY_BUCKET.blockedUntil;
    return hadAny;
  }

  private judge(rule: WindowRule, now: number, mode: 'hit' | 'peek'): Verdict {
    const bucket = {
      oldest: this.entries.length > 0 ? 0 : NO_ENTRY,
      newest: this.entries.length - 1,
      held: this.entries.reduce((sum, { cost }) => sum + cost, 0),
      blockedUntil: this.blockedUntil,
    };
    return judge(this, bucket, rule, now, mode);
  }

  private prune(now: number): void {
    this.entries = this.entries.filter(({ at }) => at + this.keptTtlMs > now);
    if (this.entries.length === 0) this.keptTtlMs = 0;
  }
}

function inOrder({ limit }: WindowRule, verdict: Omit<Verdict, 'blockedUntil'>) {
  const { admitted, remaining, retryAfterMs, resetAfterMs } = verdict;
  return { admitted, limit, remaining, retryAfterMs, resetAfterMs };
}

const fivePerMinute = { limit: 5, ttlMs: 60_000 };

function hitAt(bucket: PlainBucket, rule: LimitRule, moments: number[]): boolean[] {
  return moments.map((now) => bucket.hit(rule, now).admitted);
}

describe('judge', () => {
  it('answers as the naive oracle does, in 100,000 random schedules', () => {
    assert(
      property(limitSchedules(), (schedule) => {
        expect(new LimitReplay(1_000).play(schedule, new PlainBucket())).toBeNull();
      }),
      { numRuns: 100_000 },
    );
  });

  it('counts the half-open window (now - ttl, now]', () => {
    const bucket = new PlainBucket();
    expect(hitAt(bucket, fivePerMinute, [0, 0, 0, 0, 0])).toEqual(Array(5).fill(true));
    expect(hitAt(bucket, fivePerMinute, [59_999, 60_000])).toEqual([false, true]);
  });

  it('admits no double burst around the edge of a minute, as a fixed window does', () => {
    const bucket = new PlainBucket();
    hitAt(bucket, fivePerMinute, [59_000, 59_000, 59_000, 59_000, 59_000]);
    expect(hitAt(bucket, fivePerMinute, [60_000, 61_000, 118_999])).toEqual([false, false, false]);
    expect(bucket.hit(fivePerMinute, 119_000).admitted).toBe(true);
  });

  it('never refuses a client who stays under their rate, in bursts or evenly', () => {
    const bucket = new PlainBucket();
    const moments = Array.from({ length: 200 }, (_, i) => Math.floor(i / 5) * 60_000);
    expect(hitAt(bucket, fivePerMinute, moments)).not.toContain(false);
    const evenly = Array.from({ length: 200 }, (_, i) => 10_000_000 + i * 12_000);
    expect(hitAt(bucket, fivePerMinute, evenly)).not.toContain(false);
  });

  it('lets refused hits extend nothing', () => {
    const bucket = new PlainBucket();
    const rule = { limit: 1, ttlMs: 1_000 };
    const moments = Array.from({ length: 1_001 }, (_, i) => i);
    const admitted = moments.filter((now) => bucket.hit(rule, now).admitted);
    expect(admitted).toEqual([0, 1_000]);
  });

  it.each([
    { name: 'a limit of 0', rule: { limit: 0, ttlMs: 1_000 } },
    { name: 'a cost above the limit', rule: { limit: 2, ttlMs: 1_000, cost: 3 } },
    {
      name: 'a cost above the limit, which is no breach',
      rule: { limit: 2, ttlMs: 1_000, cost: 3, blockForMs: 9_000 },
    },
  ])('admits nothing for $name', ({ rule }) => {
    expect(judge(new PlainBucket(), EMPTY_BUCKET, toWindowRule(rule), 5)).toEqual({
      admitted: false,
      remaining: rule.limit,
      retryAfterMs: 1_000,
      resetAfterMs: 0,
      blockedUntil: -Infinity,
    });
  });

  it('says when a hit of the same cost can be admitted, and keeps its word', () => {
    const bucket = new PlainBucket();
    const rule = { limit: 4, ttlMs: 1_000, cost: 2 };
    bucket.hit({ ...rule, cost: 1 }, 0);
    bucket.hit({ ...rule, cost: 1 }, 100);
    expect(bucket.hit(rule, 300)).toMatchObject({ remaining: 0, retryAfterMs: 800 });
    expect(bucket.hit(rule, 1_099)).toMatchObject({ admitted: false, retryAfterMs: 1 });
    expect(bucket.hit(rule, 1_100)).toMatchObject({ admitted: true, resetAfterMs: 1_000 });
  });

  it('refuses everything while a block lasts, and does not extend it', () => {
    const bucket = new PlainBucket();
    const rule = { limit: 1, ttlMs: 1_000, blockForMs: 5_000 };
    bucket.hit(rule, 0);
    expect(bucket.hit(rule, 500)).toMatchObject({ admitted: false, retryAfterMs: 5_000 });
    expect(bucket.hit(rule, 4_000)).toMatchObject({ admitted: false, retryAfterMs: 1_500 });
    expect(bucket.hit({ limit: 100, ttlMs: 1_000 }, 5_499)).toMatchObject({
      admitted: false,
      remaining: 0,
      retryAfterMs: 1,
    });
    expect(bucket.hit(rule, 5_500)).toMatchObject({ admitted: true });
  });

  it('follows a limit that is raised or lowered', () => {
    const bucket = new PlainBucket();
    hitAt(bucket, { limit: 3, ttlMs: 1_000 }, [0, 1, 2]);
    expect(bucket.hit({ limit: 4, ttlMs: 1_000 }, 10)).toMatchObject({ admitted: true });
    expect(bucket.hit({ limit: 2, ttlMs: 1_000 }, 11)).toMatchObject({
      admitted: false,
      remaining: 0,
      // The admissions of 0, 1 and 2 have to go before fewer than two are left.
      retryAfterMs: 991,
    });
  });
});
