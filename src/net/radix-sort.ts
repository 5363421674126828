import type { PrefixRows } from './prefix-rows.js';
import type { SlicedTask } from './time-slice.js';

/** Rows between two pauses: well under a millisecond, even where every access misses the cache. */
const ROWS_PER_STEP = 8192;

/** Up to so many rows are compared: to count by 16 bits takes as long for one row as for thousands. */
const FEW_ROWS = 1024;

/**
 * The order of the rows by address and then by length, shortest first; equal rows stay in the order they came in.
 * Where there are many, radix sort from the least significant 16 bits: linear whatever the input, so no list of prefixes
 * that someone crafted can make a load slow, and it can pause anywhere, which `Array.prototype.sort` cannot.
 */
export function* sortRows(rows: PrefixRows): SlicedTask<Uint32Array> {
  const { size, keyWords, words, lengths } = rows;
  if (size <= FEW_ROWS) return sortFew(rows);
  let order = new Uint32Array(size);
  for (let i = 0; i < size; i++) order[i] = i;
  let next = new Uint32Array(size);
  const ends = new Uint32Array(0x10000);
  yield;
  for (let digit = -1; digit < keyWords * 2; digit++) {
    const word = keyWords - 1 - (digit >> 1);
    const shift = (digit & 1) << 4;
    const isLength = digit < 0;
    ends.fill(0);
    for (let i = 0; i < size;) {
      for (const stop = Math.min(size, i + ROWS_PER_STEP); i < stop; i++) {
        const key = isLength ? lengths[i]! : (words[i * keyWords + word]! >>> shift) & 0xffff;
        ends[key]!++;
      }
      yield;
    }
    if (ends.includes(size)) continue;
    for (let key = 0, sum = 0; key < 0x10000; key++) {
      sum += ends[key]!;
      ends[key] = sum - ends[key]!;
    }
    for (let i = 0; i < size;) {
      for (const stop = Math.min(size, i + ROWS_PER_STEP); i < stop; i++) {
        const row = order[i]!;
        const key = isLength ? lengths[row]! : (words[row * keyWords + word]! >>> shift) & 0xffff;
        next[ends[key]!++] = row;
      }
      yield;
    }
    [order, next] = [next, order];
  }
  return order;
}

function sortFew({ size, keyWords, words, lengths }: PrefixRows): Uint32Array {
  return Uint32Array.from({ length: size }, (_, row) => row).sort((one, other) => {
    for (let word = 0; word < keyWords; word++) {
      const difference = words[one * keyWords + word]! - words[other * keyWords + word]!;
      if (difference !== 0) return difference;
    }
    return lengths[one]! - lengths[other]! || one - other;
  });
}
