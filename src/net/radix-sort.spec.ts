import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixRows } from './prefix-rows.js';
import { sortRows } from './radix-sort.js';
import { runWhole } from './time-slice.js';

interface Row {
  readonly words: readonly [number, number, number, number];
  readonly length: number;
}

/** Few different values, so that rows are equal in a part, or as a whole. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_0000, 0xffff_ffff),
  fc.nat(0xffff_ffff),
);
const row: fc.Arbitrary<Row> = fc.record({
  words: fc.tuple(word, word, word, word),
  length: fc.nat(128),
});

function orderOf(rows: readonly Row[], family: 4 | 6): number[] {
  const kept = new PrefixRows(family === 4 ? 1 : 4);
  for (const { words, length } of rows) {
    if (family === 4) kept.addV4(words[0], length % 33, 0);
    else kept.addV6(...words, length, 0);
  }
  return [...runWhole(sortRows(kept))];
}

/** The same, by what the library sorts: rows as texts of one length. */
function expectedOrder(rows: readonly Row[], family: 4 | 6): number[] {
  const kept = new PrefixRows(4);
  const keys = rows.map(({ words, length }, i) => {
    if (family === 4) kept.addV6(words[0], 0, 0, 0, length % 33, 0);
    else kept.addV6(...words, length, 0);
    const texts = [0, 1, 2, 3].map((k) => kept.words[i * 4 + k]!.toString(16).padStart(8, '0'));
    return [...texts, String(kept.lengths[i]).padStart(3, '0'), String(i).padStart(8, '0')].join();
  });
  return keys.toSorted().map((key) => Number(key.split(',').at(-1)));
}

describe.each([4, 6] as const)('rows of IPv%i', (family) => {
  it.each([
    ['few', 0, 40],
    ['many', 1_025, 3_000],
  ])('are in order by address, length and when they came: %s', (_, minLength, maxLength) => {
    fc.assert(
      fc.property(fc.array(row, { minLength, maxLength, size: 'max' }), (rows) => {
        expect(orderOf(rows, family)).toEqual(expectedOrder(rows, family));
      }),
      { numRuns: minLength === 0 ? 300 : 20 },
    );
  });

  it('are compared without a pause where they are few', () => {
    const pauses = (count: number) => {
      const kept = new PrefixRows(family === 4 ? 1 : 4);
      for (let i = 0; i < count; i++) {
        if (family === 4) kept.addV4(i << 16, 32, 0);
        else kept.addV6(0, 0, 0, i, 128, 0);
      }
      return [...sortRows(kept)].length;
    };
    expect(pauses(1_024)).toBe(0);
    // A step is counted for each digit, and one more where not all rows have the same.
    expect(pauses(1_025)).toBe(family === 4 ? 1 + 3 + 1 : 1 + 9 + 1);
  });

  it('are in the same order where they are one too many to be compared', () => {
    const rows = Array.from({ length: 1_025 }, (_, i): Row => ({
      words: [(i * 2_654_435_761) % 2 ** 32, i % 7, 0, i % 3],
      length: i % 129,
    }));
    expect(orderOf(rows, family)).toEqual(expectedOrder(rows, family));
    const fewer = rows.slice(0, 1_024);
    expect(orderOf(fewer, family)).toEqual(expectedOrder(fewer, family));
  });
});
