import { lengthIn, PrefixEntries, V4_STRIDE, V6_STRIDE } from './prefix-entries.js';
import type { SlicedTask } from './time-slice.js';

/** A range of entries this small is searched by halving; a larger one gets a table of its own. */
const LEAF_SIZE = 12;
/**
 * A table has one slot for about four entries. Entries are neighbours in memory and slots are a place of their own, so
 * a table that stays in the processor's cache is worth the two comparisons more.
 */
const ENTRIES_PER_SLOT_BITS = 2;
const MAX_TABLE_BITS = 20;
/** For ranges of which half would fall into one slot of a full table. */
const SKEWED_TABLE_BITS = 6;
const ENTRIES_PER_STEP = 8192;

/** Fields of a node in `nodes`. */
const FIRST = 0;
const LAST = 1;
const SKIP = 2;
const BITS = 3;
const BASE = 4;
const NODE_SIZE = 5;

/**
 * Finds the last of many sorted entries whose address is not after a given one. A tree of tables: each skips the bits
 * that all of its entries share and is indexed by the next few, and a slot that still holds many has a table below it. So it adapts to addresses that crowd in one /32 as well as to ones spread over all of
 * 2000::/3, and a lookup costs a few memory accesses at any size.
 */
export class PrefixIndex {
  private readonly size: number;
  private readonly hot: Uint32Array;
  private readonly tails: Uint32Array;

  private constructor(
    entries: PrefixEntries,
    private readonly nodes: Int32Array,
    private readonly slots: Int32Array,
  ) {
    this.size = entries.size;
    this.hot = entries.hot;
    this.tails = entries.tails;
  }

  static readonly empty = new PrefixIndex(
    new PrefixEntries(1, 0),
    new Int32Array(0),
    new Int32Array(0),
  );

  /** Indexes sorted entries; several may have the same address. */
  static *build(entries: PrefixEntries): SlicedTask<PrefixIndex> {
    const nodes: number[] = [];
    let slots = new Int32Array(64);
    let used = 0;
    if (entries.size > LEAF_SIZE) addNode(nodes, entries, 0, entries.size - 1);
    for (let node = 0; node < nodes.length; node += NODE_SIZE) {
      const first = nodes[node + FIRST]!;
      const last = nodes[node + LAST]!;
      const skip = nodes[node + SKIP]!;
      const bits = nodes[node + BITS]!;
      const width = 1 << bits;
      nodes[node + BASE] = used;
      if (used + width + 1 > slots.length) {
        const grown = new Int32Array(Math.max(slots.length * 2, used + width + 1));
        grown.set(slots);
        slots = grown;
      }
      let digit = 0;
      slots[used] = first;
      for (let entry = first; entry <= last; entry++) {
        const entryDigit = digitOf(entries, entry, skip, bits);
        while (digit < entryDigit) slots[used + ++digit] = entry;
        if (entry % ENTRIES_PER_STEP === 0) yield;
      }
      while (digit < width) slots[used + ++digit] = last + 1;
      for (let i = 0, from = first; i < width; i++) {
        const to = slots[used + i + 1]!;
        if (to - from > LEAF_SIZE) {
          const child = addNode(nodes, entries, from, to - 1);
          if (child >= 0) slots[used + i] = ~child;
        }
        from = to;
        if (i % ENTRIES_PER_STEP === 0) yield;
      }
      used += width + 1;
    }
    return new PrefixIndex(entries, Int32Array.from(nodes), slots.slice(0, used));
  }

  /** The last entry that is not after the IPv4 address, or -1. */
  lastAtOrBeforeV4(address: number): number {
    const { hot, nodes, slots } = this;
    const target = address >>> 0;
    let low = 0;
    let high = this.size;
    for (let node = nodes.length === 0 ? -1 : 0; node >= 0;) {
      const skip = nodes[node + SKIP]!;
      if (skip > 0) {
        const first = nodes[node + FIRST]!;
        const word = hot[first * V4_STRIDE]!;
        if (Math.clz32(word ^ target) < skip) {
          return target > word ? nodes[node + LAST]! : first - 1;
        }
      }
      const slot = nodes[node + BASE]! + ((target << skip) >>> (32 - nodes[node + BITS]!));
      low = slots[slot]!;
      if (low < 0) {
        node = ~low;
        continue;
      }
      high = slots[slot + 1]!;
      if (high < 0) high = nodes[~high + FIRST]!;
      break;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (hot[middle * V4_STRIDE]! <= target) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The last entry that is not after the IPv6 address, or -1. */
  lastAtOrBeforeV6(w0: number, w1: number, w2: number, w3: number): number {
    const { nodes, slots } = this;
    let low = 0;
    let high = this.size;
    for (let node = nodes.length === 0 ? -1 : 0; node >= 0;) {
      const first = nodes[node + FIRST]!;
      const skip = nodes[node + SKIP]!;
      if (this.sharedBits(first, w0, w1, w2, w3) < skip) {
        return this.isAtOrBefore(first, w0, w1, w2, w3) ? nodes[node + LAST]! : first - 1;
      }
      const word = skip >>> 5;
      const high32 = word === 0 ? w0 : word === 1 ? w1 : word === 2 ? w2 : w3;
      const low32 = word === 0 ? w1 : word === 1 ? w2 : word === 2 ? w3 : 0;
      const slot = nodes[node + BASE]! + takeBits(high32, low32, skip & 31, nodes[node + BITS]!);
      low = slots[slot]!;
      if (low < 0) {
        node = ~low;
        continue;
      }
      high = slots[slot + 1]!;
      if (high < 0) high = nodes[~high + FIRST]!;
      break;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.isAtOrBefore(middle, w0, w1, w2, w3)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** How many leading bits the address of an IPv6 entry shares with another, 0 to 128. */
  sharedBits(entry: number, w0: number, w1: number, w2: number, w3: number): number {
    const { hot, tails } = this;
    let difference = hot[entry * V6_STRIDE]! ^ w0;
    if (difference !== 0) return Math.clz32(difference);
    difference = hot[entry * V6_STRIDE + 1]! ^ w1;
    if (difference !== 0) return 32 + Math.clz32(difference);
    difference = tails[entry * 2]! ^ w2;
    if (difference !== 0) return 64 + Math.clz32(difference);
    return 96 + Math.clz32(tails[entry * 2 + 1]! ^ w3);
  }

  /**
   * As {@link sharedBits}, but no more than 64 where the entry's prefix is no longer: its second half, which lies apart
   * and costs a cache miss, decides nothing then.
   */
  matchingBits(entry: number, w0: number, w1: number, w2: number, w3: number): number {
    const at = entry * V6_STRIDE;
    const { hot } = this;
    const isHalfEnough = hot[at] === w0 >>> 0 && hot[at + 1] === w1 >>> 0 && isShort(hot[at + 2]!);
    return isHalfEnough ? 64 : this.sharedBits(entry, w0, w1, w2, w3);
  }

  private isAtOrBefore(entry: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const { hot, tails } = this;
    let word = hot[entry * V6_STRIDE]!;
    if (word !== w0 >>> 0) return word < w0 >>> 0;
    word = hot[entry * V6_STRIDE + 1]!;
    if (word !== w1 >>> 0) return word < w1 >>> 0;
    if (isShort(hot[entry * V6_STRIDE + 2]!)) return true;
    word = tails[entry * 2]!;
    if (word !== w2 >>> 0) return word < w2 >>> 0;
    return tails[entry * 2 + 1]! <= w3 >>> 0;
  }
}

/** Whether an IPv6 entry's second half is all zeros, by its link. */
function isShort(link: number): boolean {
  return lengthIn(link) <= 64;
}

/** Adds a node for a range of entries, unless all have one address; its table is made when its turn comes. */
function addNode(nodes: number[], entries: PrefixEntries, first: number, last: number): number {
  // They are sorted, so what the first and the last share, all share.
  const skip = entries.sharedBits(first, last);
  const left = entries.keyWords * 32 - skip;
  if (left === 0) return -1;
  const count = last - first + 1;
  let bits = Math.min(31 - Math.clz32(count) - ENTRIES_PER_SLOT_BITS, MAX_TABLE_BITS, left);
  // Where the middle half of them falls into one slot, a full table is mostly empty; and a list can be made so that
  // this goes on for all of 128 bits, which must not cost a full table each time.
  const quarter = count >>> 2;
  const middle = entries.sharedBits(first + quarter, last - quarter);
  if (middle >= skip + bits) bits = Math.min(bits, SKEWED_TABLE_BITS);
  nodes.push(first, last, skip, bits, 0);
  return nodes.length - NODE_SIZE;
}

function digitOf(entries: PrefixEntries, entry: number, skip: number, bits: number): number {
  const word = skip >>> 5;
  return takeBits(entries.wordOf(entry, word), entries.wordOf(entry, word + 1), skip & 31, bits);
}

/** `bits` bits (1 to 31) of a word and the one after it, from bit `offset` of the first. */
function takeBits(word: number, next: number, offset: number, bits: number): number {
  const window = offset === 0 ? word : (word << offset) | (next >>> (32 - offset));
  return window >>> (32 - bits);
}
