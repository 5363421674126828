import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { banLengthMs, FIRST_BAN_MS, recentBans } from './ban-length.js';
import type { PastBan } from './client-facts.js';
import { durationInWords } from './duration-words.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.UTC(2026, 0, 31);
const MIDDLE = () => 0.5;

const ban = (agoMs: number, action: PastBan['action'] = 'ban'): PastBan => ({
  action,
  startedAtMs: NOW - agoMs,
  endsAtMs: NOW - agoMs + HOUR_MS,
});

describe('a ban', () => {
  it.each([
    [0, 4 * HOUR_MS],
    [1, 8 * HOUR_MS],
    [2, 16 * HOUR_MS],
    [3, 32 * HOUR_MS],
    [4, 64 * HOUR_MS],
    [5, 128 * HOUR_MS],
    [6, 7 * DAY_MS],
    [60, 7 * DAY_MS],
    [5_000, 7 * DAY_MS],
  ])('after %i of the last 30 days lasts %i ms', (count, expected) => {
    const history = Array.from({ length: count }, (_, i) => ban(i + 1));
    expect(banLengthMs(history, FIRST_BAN_MS, NOW, MIDDLE)).toBe(expected);
  });

  it('is doubled by bans alone, of the last 30 days, of which none is in the future (complaint: ban counts never fall, or are forgotten in a day)', () => {
    const history = [ban(30 * DAY_MS), ban(30 * DAY_MS - 1), ban(1, 'limit'), ban(-1), ban(0)];
    expect(recentBans(history, NOW)).toBe(2);
    expect(banLengthMs(history, HOUR_MS, NOW, MIDDLE)).toBe(4 * HOUR_MS);
  });

  const past = fc.record({
    action: fc.constantFrom('ban' as const, 'limit' as const),
    startedAtMs: fc.integer({ min: NOW - 60 * DAY_MS, max: NOW + DAY_MS }),
    endsAtMs: fc.constant(NOW),
  });
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const first = fc.integer({ min: MINUTE_MS, max: 3 * DAY_MS });

  it('lasts as long as the rule says, a fifth more or less, and never for more than 7 days', () => {
    fc.assert(
      fc.property(fc.array(past, { maxLength: 12 }), first, chance, (history, firstMs, random) => {
        let expected = firstMs;
        for (const { action, startedAtMs } of history) {
          const days = (NOW - startedAtMs) / DAY_MS;
          if (action === 'ban' && days >= 0 && days < 30) expected *= 2;
        }
        expected = Math.min(expected, 7 * DAY_MS);
        const lengthMs = banLengthMs(history, firstMs, NOW, () => random);
        expect(lengthMs).toBeGreaterThanOrEqual(Math.floor(expected * 0.8));
        expect(lengthMs).toBeLessThanOrEqual(Math.min(7 * DAY_MS, Math.ceil(expected * 1.2)));
      }),
    );
  });

  it('uses all of that fifth', () => {
    expect(banLengthMs([], HOUR_MS, NOW, () => 0)).toBe(48 * MINUTE_MS);
    expect(banLengthMs([], HOUR_MS, NOW, () => 0.999_999_9)).toBe(72 * MINUTE_MS);
  });

  it('is never shorter for one ban more, and twice as long until it is longest', () => {
    fc.assert(
      fc.property(fc.array(past, { maxLength: 12 }), first, chance, (history, firstMs, random) => {
        const length = (bans: readonly PastBan[]) => banLengthMs(bans, firstMs, NOW, () => random);
        const before = length(history);
        const after = length([...history, ban(1)]);
        expect(after).toBeGreaterThanOrEqual(before);
        const isLongest = after >= 7 * DAY_MS * 0.8;
        expect(isLongest || Math.abs(after - 2 * before) <= 2).toBe(true);
      }),
    );
  });
});

it.each([
  [0, 'less than a minute'],
  [29_999, 'less than a minute'],
  [30_000, '1 minute'],
  [HOUR_MS, '1 hour'],
  [4 * HOUR_MS + 12 * MINUTE_MS + 3_000, '4 hours 12 minutes'],
  [DAY_MS + MINUTE_MS, '1 day 1 minute'],
  [DAY_MS + HOUR_MS + MINUTE_MS, '1 day 1 hour'],
  [7 * DAY_MS, '7 days'],
  [HOUR_MS - 1, '1 hour'],
])('%i ms are %s', (ms, words) => {
  expect(durationInWords(ms)).toBe(words);
});
