import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, parseIp } from '../net/ip-address.js';
import { parsePrefix } from '../net/prefix.js';
import type { MatchedRules } from './decide.js';
import { RULE_ACTIONS, type RuleAction } from './ip-rule.entity.js';
import { RuleSnapshot, type RuleChange } from './rule-snapshot.js';
import type { RuleRow } from './rule-table.js';
import { RuleTableBuilder, type RejectedRule } from './rule-table-builder.js';

const rule = (
  id: number,
  action: RuleAction,
  network: string,
  expiresAtMs: number | null = null,
): RuleRow => ({
  id,
  action,
  network,
  expiresAtMs,
});

/** As the database hands them out. */
function sorted(rows: RuleRow[]): RuleRow[] {
  const key = (row: RuleRow) => `${row.action} ${row.network}`;
  return [...rows].sort(
    (a, b) =>
      (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) ||
      Math.sign((a.expiresAtMs ?? 1e99) - (b.expiresAtMs ?? 1e99)),
  );
}

function snapshotOf(rows: RuleRow[], onRejected?: (rejected: RejectedRule) => void): RuleSnapshot {
  const builder = new RuleTableBuilder(onRejected);
  for (const row of sorted(rows)) builder.add(row);
  return RuleSnapshot.of(1, builder.build());
}

const ids = (snapshot: RuleSnapshot, address: string, nowMs = 0) =>
  snapshot.match(parseIp(address)!, nowMs);

describe('RuleSnapshot', () => {
  it('matches the longest prefix of each action', () => {
    const snapshot = snapshotOf([
      rule(1, 'block', '203.0.113.0/24'),
      rule(2, 'block', '203.0.113.7/32'),
      rule(3, 'allow', '203.0.0.0/16'),
      rule(4, 'monitor', '0.0.0.0/0'),
      rule(5, 'block', '2001:db8::/32'),
    ]);
    expect(ids(snapshot, '203.0.113.7')).toEqual({ allow: 3, block: 2, limit: null, monitor: 4 });
    expect(ids(snapshot, '203.0.113.8')).toEqual({ allow: 3, block: 1, limit: null, monitor: 4 });
    expect(ids(snapshot, '2001:db8::1')).toEqual({
      allow: null,
      block: 5,
      limit: null,
      monitor: null,
    });
    expect(snapshot.size).toBe(5);
  });

  it('lets a rule stop at its instant, and the one around it hold', () => {
    const snapshot = snapshotOf([
      rule(1, 'block', '203.0.113.0/24'),
      rule(2, 'block', '203.0.113.7/32', 1_000),
    ]);
    expect(ids(snapshot, '203.0.113.7', 999).block).toBe(2);
    expect(ids(snapshot, '203.0.113.7', 1_000).block).toBe(1);
  });

  it('holds while any source of a network does', () => {
    const snapshot = snapshotOf([
      rule(1, 'block', '203.0.113.7/32', 500),
      rule(2, 'block', '203.0.113.7/32', 1_000),
    ]);
    expect(ids(snapshot, '203.0.113.7', 0).block).toBe(2);
    const without = snapshot.with(2, [{ ruleId: 2, now: null }]);
    expect(ids(without, '203.0.113.7', 0).block).toBe(1);
    expect(ids(without, '203.0.113.7', 500).block).toBeNull();
  });

  it('applies changes without building the table again', () => {
    const first = snapshotOf([rule(1, 'block', '203.0.113.0/24')]);
    const changed = first.with(2, [
      { ruleId: 2, now: rule(2, 'allow', '203.0.113.9/32') },
      { ruleId: 1, now: rule(1, 'block', '203.0.114.0/24') },
    ]);
    expect(ids(first, '203.0.113.9')).toMatchObject({ allow: null, block: 1 });
    expect(ids(changed, '203.0.113.9')).toMatchObject({ allow: 2, block: null });
    expect(ids(changed, '203.0.114.9')).toMatchObject({ block: 1 });
    expect({ version: changed.version, size: changed.size }).toEqual({ version: 2, size: 2 });
    expect(changed.changesSinceBase()).toMatchObject({ base: 1, version: 2 });
  });

  it('knows no version and no rule before the first load', () => {
    const snapshot = RuleSnapshot.empty();
    expect(snapshot.version).toBe(-1);
    expect(ids(snapshot, '203.0.113.9')).toMatchObject({ allow: null, block: null, monitor: null });
  });

  it('tells what has changed since the load, each rule as it is now', () => {
    const first = snapshotOf([rule(1, 'block', '203.0.113.0/24'), rule(2, 'block', '10.0.0.0/8')]);
    const second = rule(3, 'allow', '203.0.113.9/32');
    const changed = first
      .with(2, [{ ruleId: 3, now: rule(3, 'allow', '203.0.113.8/32') }])
      .with(3, [
        { ruleId: 3, now: second },
        { ruleId: 1, now: null },
      ]);
    expect(first.changes).toBe(0);
    expect(changed.changes).toBe(2);
    expect(changed.changesSinceBase()).toEqual({
      base: 1,
      version: 3,
      changes: [
        { ruleId: 3, now: second },
        { ruleId: 1, now: null },
      ],
    });
  });

  it('loses a rule that is gone, where nothing else has changed and no rule ends', () => {
    const first = snapshotOf([rule(1, 'block', '203.0.113.0/24'), rule(2, 'block', '10.0.0.0/8')]);
    const without = first.with(2, [{ ruleId: 1, now: null }]);
    expect(ids(without, '203.0.113.9').block).toBeNull();
    expect(ids(without, '10.0.0.1').block).toBe(2);
  });

  it('names the newer of a rule that was loaded and one for the same network since', () => {
    const first = snapshotOf([rule(1, 'block', '203.0.113.0/24')]);
    const changed = first.with(2, [{ ruleId: 9, now: rule(9, 'block', '203.0.113.0/24') }]);
    expect(ids(changed, '203.0.113.9').block).toBe(9);
  });

  it.each([
    ['which ends and which does not', null, 5_000, 1],
    ['which does not end and which does', 5_000, null, 2],
    ['of which the first lasts longer', 6_000, 5_000, 1],
    ['of which the second lasts longer', 5_000, 6_000, 2],
    ['of which none ends', null, null, 2],
    ['which end together', 5_000, 5_000, 2],
  ])('names of two new rules for a network, %s, the one that lasts', (_, one, other, named) => {
    const [first, second] = [
      { ruleId: 1, now: rule(1, 'block', '203.0.113.7/32', one) },
      { ruleId: 2, now: rule(2, 'block', '203.0.113.7/32', other) },
    ];
    const between = { ruleId: 3, now: rule(3, 'allow', '10.0.0.0/8', 5_500) };
    for (const changes of [
      [first, between, second],
      [second, between, first],
    ]) {
      const changed = RuleSnapshot.empty().with(1, changes);
      expect(ids(changed, '203.0.113.7', 4_999)).toMatchObject({
        allow: null,
        block: named,
        monitor: null,
      });
    }
  });

  it('leaves out a row that is no rule, and says which', () => {
    const rejected: RejectedRule[] = [];
    const snapshot = snapshotOf(
      [
        rule(1, 'block', '203.0.113.7/32'),
        rule(2, 'block', 'nonsense'),
        rule(3, 'constructor' as RuleAction, '203.0.113.7/32'),
      ],
      (one) => rejected.push(one),
    );
    expect(rejected.map(({ row }) => row.id)).toEqual([2, 3]);
    expect(ids(snapshot, '203.0.113.7').block).toBe(1);
  });

  it('agrees with a list that is searched from end to end', () => {
    // Few networks and few addresses, so that they meet.
    const network = fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 28, max: 32 }))
      .map(([host, length]) => parsePrefix(`10.0.0.${host * 4}/${length}`)!.toString());
    const row = fc.record({
      id: fc.integer({ min: 1, max: 12 }),
      action: fc.constantFrom(...RULE_ACTIONS),
      network,
      expiresAtMs: fc.option(fc.integer({ min: 1, max: 10 })),
    });
    const change = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.option(row));
    fc.assert(
      fc.property(
        fc.uniqueArray(row, { selector: ({ id }) => id, maxLength: 12 }),
        fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 3 }),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 0, max: 11 }),
        (rows, steps, host, nowMs) => {
          const stored = new Map(rows.map((one) => [one.id, one]));
          let snapshot = snapshotOf(rows);
          for (const [index, step] of steps.entries()) {
            const changes: RuleChange[] = step.map(([ruleId, to]) => ({
              ruleId,
              now: to === null ? null : { ...to, id: ruleId },
            }));
            for (const { ruleId, now } of changes) {
              if (now === null) stored.delete(ruleId);
              else stored.set(ruleId, now);
            }
            snapshot = snapshot.with(2 + index, changes);
          }
          const ip = IpAddress.fromV4(0x0a000000 + host);
          const found = snapshot.match(ip, nowMs);
          for (const action of RULE_ACTIONS) {
            expectSameLength(found, action, [...stored.values()], ip, nowMs);
          }
          expect(snapshot.size).toBe(stored.size);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

/** Of several rules for one network any may be named, as long as it acts and is as specific as the best. */
function expectSameLength(
  found: MatchedRules,
  action: RuleAction,
  rows: RuleRow[],
  ip: IpAddress,
  nowMs: number,
): void {
  const live = rows.filter(
    (row) =>
      row.action === action &&
      (row.expiresAtMs === null || row.expiresAtMs > nowMs) &&
      parsePrefix(row.network)!.contains(ip),
  );
  const best = Math.max(-1, ...live.map(({ network }) => parsePrefix(network)!.length));
  const named = live.find(({ id }) => id === found[action]);
  expect(named === undefined ? -1 : parsePrefix(named.network)!.length).toBe(best);
  expect(found[action] === null).toBe(named === undefined);
}
