import { describe, expect, it } from 'vitest';
import { lengthIn, parentIn, PrefixEntries } from './prefix-entries.js';
import { PrefixRows } from './prefix-rows.js';

describe('entries of prefixes', () => {
  function v4(...addresses: number[]): PrefixEntries {
    const rows = new PrefixRows(1);
    const entries = new PrefixEntries(1, addresses.length);
    for (const [at, address] of addresses.entries()) {
      rows.addV4(address, 32, -at);
      entries.copy(at, rows, at);
    }
    return entries;
  }

  function v6(...addresses: [number, number, number, number][]): PrefixEntries {
    const rows = new PrefixRows(4);
    const entries = new PrefixEntries(4, addresses.length);
    for (const [at, words] of addresses.entries()) {
      rows.addV6(...words, 128, -at);
      entries.copy(at, rows, at);
    }
    return entries;
  }

  it('take 12 bytes for IPv4 and 24 for IPv6', () => {
    const bytes = ({ hot, tails }: PrefixEntries) => hot.byteLength + tails.byteLength;
    expect(bytes(v4(1, 2, 3))).toBe(3 * 12);
    expect(bytes(v6([1, 2, 3, 4], [1, 2, 3, 5]))).toBe(2 * 24);
  });

  it('have the words of their address, and 0 past its end', () => {
    const words = (entries: PrefixEntries, entry: number) =>
      [0, 1, 2, 3, 4].map((word) => entries.wordOf(entry, word));
    expect(words(v4(7, 8), 0)).toEqual([7, 0, 0, 0, 0]);
    expect(words(v6([1, 2, 3, 4], [5, 6, 7, 8]), 0)).toEqual([1, 2, 3, 4, 0]);
    expect(words(v6([1, 2, 3, 4], [5, 6, 7, 8]), 1)).toEqual([5, 6, 7, 8, 0]);
  });

  it('share as many bits as are equal from the left', () => {
    expect(v4(0, 0x80000000).sharedBits(0, 1)).toBe(0);
    expect(v4(0x0a000000, 0x0a000001).sharedBits(0, 1)).toBe(31);
    expect(v4(0x0a000000, 0x0a000000).sharedBits(0, 1)).toBe(32);
    expect(v6([1, 2, 3, 4], [1, 2, 3, 5]).sharedBits(0, 1)).toBe(127);
    expect(v6([1, 2, 3, 4], [1, 2, 0x80000003, 4]).sharedBits(0, 1)).toBe(64);
    expect(v6([1, 2, 3, 4], [1, 2, 3, 4]).sharedBits(0, 1)).toBe(128);
  });

  it('keep a value of 32 bits, the entry around them and their length', () => {
    for (const entries of [v4(1, 2), v6([1, 2, 3, 4], [1, 2, 3, 5])]) {
      entries.link(0, -1, 0);
      entries.link(1, 0xfffffe, 128);
      expect([0, 1].map((entry) => parentIn(entries.linkOf(entry)))).toEqual([-1, 0xfffffe]);
      expect([0, 1].map((entry) => lengthIn(entries.linkOf(entry)))).toEqual([0, 128]);
      expect([0, 1].map((entry) => entries.slotOf(entry))).toEqual([0, -1]);
    }
  });
});
