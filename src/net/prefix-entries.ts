import type { PrefixRows } from './prefix-rows.js';

/** Words of an IPv4 entry in `hot`: address, link, value. */
export const V4_STRIDE = 3;
/** Words of an IPv6 entry in `hot`: the first half of the address, link, value. Four never straddle a cache line. */
export const V6_STRIDE = 4;

/**
 * The sorted entries of a table. What nearly every lookup needs of an entry lies together in `hot`: a lookup among a
 * million entries costs as many cache misses as it touches places. The second half of IPv6 addresses, which matters
 * only where the first is equal, is apart. A link is the entry around this one, plus one, and this one's length in
 * the lowest 8 bits.
 */
export class PrefixEntries {
  readonly hot: Uint32Array;
  /** Two words an IPv6 entry. */
  readonly tails: Uint32Array;
  private readonly stride: number;
  private readonly linkAt: number;

  constructor(
    /** Words of an address. */
    readonly keyWords: 1 | 4,
    readonly size: number,
  ) {
    this.stride = keyWords === 1 ? V4_STRIDE : V6_STRIDE;
    this.linkAt = this.stride - 2;
    this.hot = new Uint32Array(size * this.stride);
    this.tails = new Uint32Array(keyWords === 1 ? 0 : size * 2);
  }

  /** Copies a row, whose link is set afterwards. */
  copy(entry: number, rows: PrefixRows, row: number): void {
    const at = entry * this.stride;
    const from = row * this.keyWords;
    this.hot[at] = rows.words[from]!;
    if (this.keyWords === 4) {
      this.hot[at + 1] = rows.words[from + 1]!;
      this.tails[entry * 2] = rows.words[from + 2]!;
      this.tails[entry * 2 + 1] = rows.words[from + 3]!;
    }
    this.hot[at + this.linkAt + 1] = rows.slots[row]!;
  }

  /** Names the entry around this one (-1 for none) and this one's length. */
  link(entry: number, parent: number, length: number): void {
    this.hot[entry * this.stride + this.linkAt] = ((parent + 1) << 8) | length;
  }

  linkOf(entry: number): number {
    return this.hot[entry * this.stride + this.linkAt]!;
  }

  /** What was given with the prefix: 32 bits, signed. */
  slotOf(entry: number): number {
    return this.hot[entry * this.stride + this.linkAt + 1]! | 0;
  }

  /** A word of an entry's address; 0 past its end. */
  wordOf(entry: number, word: number): number {
    if (word < this.linkAt) return this.hot[entry * this.stride + word]!;
    return word < this.keyWords ? this.tails[entry * 2 + word - 2]! : 0;
  }

  /** How many leading bits the addresses of two entries share. */
  sharedBits(a: number, b: number): number {
    for (let word = 0; word < this.keyWords; word++) {
      const difference = this.wordOf(a, word) ^ this.wordOf(b, word);
      if (difference !== 0) return word * 32 + Math.clz32(difference);
    }
    return this.keyWords * 32;
  }
}

/** The outer entry that a link names, or -1. */
export function parentIn(link: number): number {
  return (link >>> 8) - 1;
}

/** The length of the prefix that a link belongs to. */
export function lengthIn(link: number): number {
  return link & 0xff;
}
