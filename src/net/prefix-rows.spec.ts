import { describe, expect, it } from 'vitest';
import { PrefixRows } from './prefix-rows.js';

const MOST = 0xffffff;

describe('rows of prefixes', () => {
  it.each([
    [0, [0, 0, 0, 0]],
    [20, [0xfffff000, 0, 0, 0]],
    [32, [0xffffffff, 0, 0, 0]],
    [48, [0xffffffff, 0xffff0000, 0, 0]],
    [64, [0xffffffff, 0xffffffff, 0, 0]],
    [65, [0xffffffff, 0xffffffff, 0x80000000, 0]],
    [96, [0xffffffff, 0xffffffff, 0xffffffff, 0]],
    [127, [0xffffffff, 0xffffffff, 0xffffffff, 0xfffffffe]],
  ])('keep the first %i bits of an IPv6 address', (length, words) => {
    const rows = new PrefixRows(4);
    rows.addV6(-1, -1, -1, -1, length, 7);
    expect([...rows.words.subarray(0, 4)]).toEqual(words);
    expect([rows.size, rows.lengths[0], rows.slots[0]]).toEqual([1, length, 7]);
  });

  it('grow to twice their room, with what they hold', () => {
    const rows = new PrefixRows(1, 2);
    for (let i = 1; i <= 3; i++) rows.addV4(i << 24, 8, -i);
    expect(rows.lengths).toHaveLength(4);
    expect([...rows.words]).toEqual([1 << 24, 2 << 24, 3 << 24, 0]);
    expect([...rows.lengths]).toEqual([8, 8, 8, 0]);
    expect([...rows.slots]).toEqual([-1, -2, -3, 0]);
  });

  it('are no more than a link can name', () => {
    const rows = new PrefixRows(1, MOST);
    rows.size = MOST - 1;
    rows.addV4(0, 32, 0);
    expect(() => rows.addV4(0, 32, 0)).toThrow(RangeError);
    expect(rows.size).toBe(MOST);
  });
});
