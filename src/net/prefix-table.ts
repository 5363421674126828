import { PrefixIndex } from './prefix-index.js';
import { commonBits, type EntryLayout, V4_LAYOUT, V6_LAYOUT } from './prefix-layout.js';
import type { PrefixRows } from './prefix-rows.js';
import { sortRows } from './radix-sort.js';
import type { SlicedTask } from './time-slice.js';

const ENTRIES_PER_STEP = 8192;

/**
 * The prefixes of one family, sorted by address and length, each with a link to the one that encloses it: 12 bytes an
 * IPv4 prefix, 24 an IPv6 one. The entry at or before an address shares more leading bits with it than any other
 * before it, so the longest match is that entry or one of those around it, and the walk outwards visits every match.
 */
export class PrefixTable {
  private constructor(
    readonly size: number,
    private readonly entries: Uint32Array,
    private readonly layout: EntryLayout,
    private readonly index: PrefixIndex,
  ) {}

  static readonly empty = new PrefixTable(0, new Uint32Array(0), V4_LAYOUT, PrefixIndex.empty);

  /** Sorts the rows, drops all but the last of equal ones, links and indexes them. */
  static *build(rows: PrefixRows): SlicedTask<PrefixTable> {
    if (rows.size === 0) return PrefixTable.empty;
    const { keyWords } = rows;
    const layout = keyWords === 1 ? V4_LAYOUT : V6_LAYOUT;
    const { stride } = layout;
    const order = yield* sortRows(rows);
    const size = yield* dropRepeated(rows, order);
    const entries = new Uint32Array(size * stride);
    let enclosing = -1;
    for (let entry = 0; entry < size; entry++) {
      const row = order[entry]!;
      const at = entry * stride;
      for (let k = 0; k < keyWords; k++) entries[at + k] = rows.words[row * keyWords + k]!;
      if (entry > 0) {
        const shared = commonBits(entries, at - stride, at, keyWords);
        enclosing = entry - 1;
        while (enclosing >= 0) {
          const link = entries[enclosing * stride + keyWords]!;
          if ((link & 0xff) <= shared) break;
          enclosing = (link >>> 8) - 1;
        }
      }
      entries[at + keyWords] = ((enclosing + 1) << 8) | rows.lengths[row]!;
      entries[at + keyWords + 1] = rows.slots[row]!;
      if (entry % ENTRIES_PER_STEP === 0) yield;
    }
    const index = yield* PrefixIndex.build(entries, layout, size);
    return new PrefixTable(size, entries, layout, index);
  }

  /** The innermost entry that contains the IPv4 address, or -1. */
  findV4(address: number): number {
    const entry = this.index.lastAtOrBeforeV4(address);
    if (entry < 0) return -1;
    return this.within(entry, Math.clz32(this.entries[entry * V4_LAYOUT.stride]! ^ address));
  }

  /** The innermost entry that contains the IPv6 address, or -1. */
  findV6(w0: number, w1: number, w2: number, w3: number): number {
    const entry = this.index.lastAtOrBeforeV6(w0, w1, w2, w3);
    if (entry < 0) return -1;
    return this.within(entry, this.index.sharedBits(entry, w0, w1, w2, w3));
  }

  /** The entry directly around another, or -1. */
  parentOf(entry: number): number {
    return (this.linkOf(entry) >>> 8) - 1;
  }

  /** The length of an entry's prefix in bits. */
  lengthOf(entry: number): number {
    return this.linkOf(entry) & 0xff;
  }

  /** What was given with an entry's prefix: 32 bits, signed. */
  slotOf(entry: number): number {
    return this.entries[entry * this.layout.stride + this.layout.keyWords + 1]! | 0;
  }

  private linkOf(entry: number): number {
    return this.entries[entry * this.layout.stride + this.layout.keyWords]!;
  }

  private within(entry: number, sharedBits: number): number {
    while (entry >= 0) {
      const link = this.linkOf(entry);
      if ((link & 0xff) <= sharedBits) return entry;
      entry = (link >>> 8) - 1;
    }
    return -1;
  }
}

/** Moves the last of each run of equal rows to the front of `order` and returns how many there are. */
function* dropRepeated(rows: PrefixRows, order: Uint32Array): SlicedTask<number> {
  const { words, lengths, keyWords } = rows;
  let kept = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i]!;
    const last = order[kept - 1];
    const isRepeat =
      last !== undefined &&
      lengths[last] === lengths[row] &&
      commonBits(words, last * keyWords, row * keyWords, keyWords) === keyWords * 32;
    if (isRepeat) order[kept - 1] = row;
    else order[kept++] = row;
    if (i % ENTRIES_PER_STEP === 0) yield;
  }
  return kept;
}
