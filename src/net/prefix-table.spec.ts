import { describe, expect, it } from 'vitest';
import { PrefixRows } from './prefix-rows.js';
import { PrefixTable } from './prefix-table.js';
import { runWhole } from './time-slice.js';

describe('a table of prefixes', () => {
  function tableOf(...prefixes: [address: number, length: number][]): PrefixTable {
    const rows = new PrefixRows(1);
    for (const [slot, [address, length]] of prefixes.entries()) rows.addV4(address, length, slot);
    return runWhole(PrefixTable.build(rows));
  }

  it('is the empty one where there are none', () => {
    expect(runWhole(PrefixTable.build(new PrefixRows(1)))).toBe(PrefixTable.empty);
    expect(runWhole(PrefixTable.build(new PrefixRows(4)))).toBe(PrefixTable.empty);
    expect(PrefixTable.empty.size).toBe(0);
    expect(PrefixTable.empty.findV4(0)).toBe(-1);
    expect(PrefixTable.empty.findV6(0, 0, 0, 0)).toBe(-1);
  });

  it('goes from the innermost outwards, and knows the length and value of each', () => {
    const table = tableOf([0x0a010203, 32], [0x0a000000, 8], [0x0a010000, 16], [0x0b000000, 8]);
    const seen: number[][] = [];
    let entry = table.findV4(0x0a010203);
    for (; entry >= 0; entry = table.parentOf(entry)) {
      seen.push([table.lengthOf(entry), table.slotOf(entry)]);
    }
    expect(seen).toEqual([
      [32, 0],
      [16, 2],
      [8, 1],
    ]);
    expect(table.findV4(0x09ffffff)).toBe(-1);
    expect(table.findV4(0x0c000000)).toBe(-1);
  });

  it('keeps the last of equal ones', () => {
    const table = tableOf([0x0a000000, 8], [0x0b000000, 8], [0x0a000001, 8], [0x0a000000, 9]);
    expect(table.size).toBe(3);
    expect(table.slotOf(table.findV4(0x0aff0000))).toBe(2);
  });

  it('pauses after 8192 entries, at each step', () => {
    const rows = new PrefixRows(1);
    for (let i = 0; i < 0x1_0000; i++) rows.addV4(i << 16, 32, 0);
    const sorting = 1 + 4 * 8;
    const droppingEqual = 8;
    const linking = 8;
    const indexing = 8 + 2;
    expect([...PrefixTable.build(rows)]).toHaveLength(sorting + droppingEqual + linking + indexing);
  });
});
