import { describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import type { RuleTable, RuleRow } from './rule-table.js';
import { RuleTableBuilder } from './rule-table-builder.js';

/** Room for so many is made at first, and twice as much each time it is used up. */
const ROOM = 1_024;
const NOW = 1_000;

const addressOf = (row: number) => parseIp(`10.${row >> 16}.${(row >> 8) & 255}.${row & 255}`)!;

function tableOf(count: number, expiresAtMs: (row: number) => number | null): RuleTable {
  const builder = new RuleTableBuilder((rejected) => expect.unreachable(rejected.message));
  for (let row = 0; row < count; row += 1) {
    builder.add({
      // No id is the row's own number.
      id: 500_000 - row,
      action: 'block',
      network: `${addressOf(row).toString()}/32`,
      expiresAtMs: expiresAtMs(row),
    });
  }
  return builder.build();
}

describe('a table of rules', () => {
  it.each([1, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM, 2 * ROOM + 1, 6_000])(
    'of %i names for each address its own rule',
    (count) => {
      const table = tableOf(count, () => null);
      expect(table.size).toBe(count);
      const wrong = Array.from({ length: count }, (_, row) => row).filter(
        (row) => table.longest('block', addressOf(row), NOW) !== 500_000 - row,
      );
      expect(wrong).toEqual([]);
      expect(table.longest('block', addressOf(count), NOW)).toBeNull();
    },
  );

  it.each([
    ['the first', (row: number) => row === 0],
    ['one before there is more room', (row: number) => row === ROOM - 1],
    ['one after', (row: number) => row === ROOM],
    ['the last', (row: number) => row === 5_999],
    ['each third', (row: number) => row % 3 === 0],
  ])('of 6,000, of which %s has run out, leaves out that alone', (_, hasRunOut) => {
    const table = tableOf(6_000, (row) => (hasRunOut(row) ? NOW : null));
    const wrong = Array.from({ length: 6_000 }, (__, row) => row).filter(
      (row) =>
        table.longest('block', addressOf(row), NOW) !== (hasRunOut(row) ? null : 500_000 - row),
    );
    expect(wrong).toEqual([]);
  });

  it('leads from a rule that has run out to those of its network before it', () => {
    const builder = new RuleTableBuilder();
    const row = (id: number, network: string, expiresAtMs: number | null): RuleRow => ({
      id,
      action: 'block',
      network,
      expiresAtMs,
    });
    for (let id = 1; id <= ROOM; id += 1) builder.add(row(id, `10.1.${id >> 8}.${id & 255}`, null));
    builder.add(row(5_001, '203.0.113.7', NOW + 1));
    builder.add(row(5_002, '203.0.113.7', NOW + 2));
    const table = builder.build();
    const client = parseIp('203.0.113.7')!;
    expect(table.longest('block', client, NOW)).toBe(5_002);
    expect(table.longest('block', client, NOW, new Set([5_002]))).toBe(5_001);
    expect(table.longest('block', client, NOW + 1, new Set([5_002]))).toBeNull();
  });
});
