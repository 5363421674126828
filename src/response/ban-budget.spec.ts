import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.js';
import { BanBudget, budgetFor, type WaitingBan } from './ban-budget.js';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 0, 31);

const ban = (network: string, score = 1, firstSeenMs = NOW): WaitingBan => ({
  network: parsePrefix(network)!,
  score,
  firstSeenMs,
});
const names = (bans: readonly WaitingBan[]) => bans.map(({ network }) => network.toString());
const v4 = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ban(`192.0.${(from + i) >> 8}.${(from + i) & 255}`));

it.each([
  [0, 20],
  [1, 20],
  [209, 20],
  [210, 21],
  [5_000, 500],
  [10_009, 1_000],
  [1_000_000, 1_000],
])('of %i clients in an hour, %i may be banned', (clients, expected) => {
  expect(budgetFor(clients)).toBe(expected);
});

describe('the budget of bans', () => {
  it('admits the highest score first, then the oldest evidence', () => {
    const budget = new BanBudget();
    budget.admit(v4(18), NOW, 0);
    const { admitted, refused } = budget.admit(
      [
        ban('203.0.113.1', 5),
        ban('203.0.113.2', 9),
        ban('203.0.113.3', 7, NOW - 1),
        ban('203.0.113.4', 7, NOW - 2),
        ban('203.0.113.0', 5),
      ],
      NOW,
      0,
    );
    expect(names(admitted)).toEqual(['203.0.113.2/32', '203.0.113.4/32']);
    expect(names(refused)).toEqual(['203.0.113.3/32', '203.0.113.0/32', '203.0.113.1/32']);
  });

  it('slides: a ban frees its place an hour later', () => {
    const budget = new BanBudget();
    budget.admit(v4(20), NOW, 0);
    const late = [ban('203.0.113.1')];
    expect(budget.admit(late, NOW + HOUR_MS - 1, 0).admitted).toEqual([]);
    expect(budget.admit(late, NOW + HOUR_MS, 0).admitted).toEqual(late);
    expect(budget.used(NOW + HOUR_MS)).toBe(1);
  });

  it('counts an IPv6 /48 once, for as long as it has had a ban within the hour', () => {
    const budget = new BanBudget();
    const site = Array.from({ length: 500 }, (_, i) => ban(`2001:db8:1:${i.toString(16)}::/64`));
    expect(budget.admit(site, NOW, 0).refused).toEqual([]);
    expect(budget.used(NOW)).toBe(1);
    budget.admit([ban('2001:db8:1:ffff::/64')], NOW + HOUR_MS - 1, 0);
    expect(budget.used(NOW + HOUR_MS)).toBe(1);
    expect(budget.admit([ban('2001:db8:2::/64')], NOW + HOUR_MS, 0).admitted).toHaveLength(1);
    expect(budget.used(NOW + HOUR_MS)).toBe(2);
  });

  it('has room for a /48 that counts already, when there is room for nobody else', () => {
    const budget = new BanBudget();
    budget.admit([ban('2001:db8:1:1::/64'), ...v4(19)], NOW, 0);
    const { admitted, refused } = budget.admit(
      [ban('203.0.113.1', 9), ban('2001:db8:1:2::/64')],
      NOW,
      0,
    );
    expect(names(admitted)).toEqual(['2001:db8:1:2::/64']);
    expect(names(refused)).toEqual(['203.0.113.1/32']);
  });

  it('counts bans of other processes, and of before this one began', () => {
    const budget = new BanBudget();
    for (const { network } of v4(19)) budget.note(network, NOW - 1_000, NOW);
    // The same one, as this process hears of it again.
    budget.note(v4(1)[0]!.network, NOW - 2_000, NOW);
    expect(budget.admit(v4(2, 100), NOW, 0).refused).toHaveLength(1);
    expect(budget.used(NOW + HOUR_MS - 1_001)).toBe(20);
    expect(budget.used(NOW + HOUR_MS - 1_000)).toBe(1);
  });

  it('says once that it is used up, and again when it was at most half used in between', () => {
    const budget = new BanBudget();
    const alarms = [
      budget.admit(v4(20), NOW, 150),
      budget.admit(v4(3, 100), NOW + 1, 150),
      budget.admit(v4(3, 200), NOW + 2, 150),
      // All places are free again, eleven of them are taken: nearly used up as before, and nothing new.
      budget.admit(v4(11, 300), NOW + HOUR_MS, 150),
      budget.admit(v4(30, 400), NOW + HOUR_MS + 1, 150),
      // Half of it is free.
      budget.admit(v4(30, 500), NOW + 3 * HOUR_MS, 150),
    ].map(({ alarm }) => alarm);
    expect(alarms).toEqual([
      null,
      expect.any(String),
      null,
      null,
      expect.any(String),
      expect.any(String),
    ]);
    expect(alarms[1]).toBe(
      '20 clients have been banned within an hour, which is as many as may be of 150: 3 more are only flagged, and so is what follows. ' +
        'Either this is a large attack, or a detector is wrong about your clients: look at the findings.',
    );
  });

  it('is told apart from a fresh one while it is more than half used', () => {
    const budget = new BanBudget();
    budget.admit(v4(11), NOW, 0);
    budget.admit(v4(9, 100), NOW + HOUR_MS / 2, 0);
    expect(budget.admit(v4(1, 200), NOW + HOUR_MS / 2, 0).alarm).not.toBeNull();
    // One place after another becomes free, and is taken at once; the operator knows.
    for (const { network } of v4(4, 300)) budget.note(network, NOW + HOUR_MS, NOW + HOUR_MS);
    expect(budget.admit(v4(30, 400), NOW + HOUR_MS, 0).alarm).toBeNull();
  });

  it('is not used up for ever where the clock is set back', () => {
    const budget = new BanBudget();
    budget.admit(v4(20), NOW + 30 * 24 * HOUR_MS, 0);
    expect(budget.admit(v4(1, 100), NOW, 0).refused).toHaveLength(1);
    expect(budget.admit(v4(1, 100), NOW + HOUR_MS, 0).admitted).toHaveLength(1);
  });

  it('has no more bans in any hour than it may, by its scores, as a slow twin sees it', () => {
    const network = fc.oneof(
      fc.nat(60).map((n) => `192.0.2.${n}`),
      fc
        .tuple(fc.nat(12), fc.nat(5))
        .map(([site, net]) => `2001:db8:${site.toString(16)}:${net}::/64`),
    );
    const waiting = fc.record({
      network,
      score: fc.nat(5),
      firstSeenMs: fc.integer({ min: NOW, max: NOW + 3 }),
    });
    const step = fc.record({
      afterMs: fc.oneof(fc.nat(HOUR_MS), fc.constantFrom(0, 1, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1)),
      clients: fc.nat(400),
      waiting: fc.array(waiting, { maxLength: 30 }),
    });
    const counted = (one: string) =>
      one.includes(':') ? one.split(':').slice(0, 3).join(':') : one;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const budget = new BanBudget();
        const made: { key: string; atMs: number }[] = [];
        const within = (atMs: number) =>
          new Set(made.filter((one) => atMs - one.atMs < HOUR_MS).map(({ key }) => key));
        let now = NOW;
        for (const { afterMs, clients, waiting: all } of steps) {
          now += afterMs;
          const most = budgetFor(clients);
          const bans = all.map(({ network: text, ...rest }) => ({
            ...rest,
            ...ban(text, rest.score, rest.firstSeenMs),
            text,
          }));
          const { admitted, refused } = budget.admit(bans, now, clients);
          expect([...admitted, ...refused].sort()).toHaveLength(bans.length);
          const before = within(now);
          // One at a time, in the order that the answer gives.
          for (const { text } of admitted) {
            const isNew = !within(now).has(counted(text));
            made.push({ key: counted(text), atMs: now });
            expect(!isNew || within(now).size <= most).toBe(true);
          }
          expect(budget.used(now)).toBe(within(now).size);
          for (const { text, score } of refused) {
            // Nobody is refused while there is room, or whose /48 counts already.
            expect(within(now).size).toBeGreaterThanOrEqual(most);
            expect(before.has(counted(text))).toBe(false);
            // Whoever went instead had no lower score, or took no place.
            for (const other of admitted.filter((one) => one.score < score)) {
              const took = admitted.filter((one) => counted(one.text) === counted(other.text));
              const isFree =
                before.has(counted(other.text)) || took.some((one) => one.score >= score);
              expect(isFree).toBe(true);
            }
          }
        }
        // No window of an hour, wherever it ends, has had more than the largest of its budgets.
        const largest = Math.max(20, ...steps.map(({ clients }) => budgetFor(clients)));
        for (const { atMs } of made) {
          const inWindow = made.filter((one) => one.atMs <= atMs && atMs - one.atMs < HOUR_MS);
          expect(new Set(inWindow.map(({ key }) => key)).size).toBeLessThanOrEqual(largest);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('admits as many of a flood as of a few', () => {
    const flood = Array.from({ length: 50_000 }, (_, i) =>
      ban(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, i % 97),
    );
    const { admitted, refused } = new BanBudget().admit(flood, NOW, 1_000_000);
    expect([admitted.length, refused.length]).toEqual([1_000, 49_000]);
    expect(Math.min(...admitted.map(({ score }) => score))).toBe(95);
  });
});
