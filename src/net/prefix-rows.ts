import { maskWord } from './prefix.js';

/** The most prefixes a family can have: what the 24 bits of a link in the finished table can name. */
const MAX_ENTRIES = 0xffffff;

/** Rows whose host bits are cleared, in the order they came in, as columns that grow: no object per row. */
export class PrefixRows {
  /** One word a row for IPv4, four for IPv6. */
  words: Uint32Array;
  lengths: Uint8Array;
  slots: Int32Array;
  size = 0;

  constructor(
    /** Words of an address. */
    readonly keyWords: 1 | 4,
    capacity = 16,
  ) {
    this.words = new Uint32Array(capacity * keyWords);
    this.lengths = new Uint8Array(capacity);
    this.slots = new Int32Array(capacity);
  }

  addV4(address: number, length: number, slot: number): void {
    const row = this.next(length, slot);
    this.words[row] = address & maskWord(length);
  }

  addV6(w0: number, w1: number, w2: number, w3: number, length: number, slot: number): void {
    const at = this.next(length, slot) * 4;
    this.words[at] = w0 & maskWord(length);
    this.words[at + 1] = w1 & maskWord(length - 32);
    this.words[at + 2] = w2 & maskWord(length - 64);
    this.words[at + 3] = w3 & maskWord(length - 96);
  }

  /** Whether two rows are the same prefix. */
  isRepeat(a: number, b: number): boolean {
    if (this.lengths[a] !== this.lengths[b]) return false;
    for (let k = 0; k < this.keyWords; k++) {
      if (this.words[a * this.keyWords + k] !== this.words[b * this.keyWords + k]) return false;
    }
    return true;
  }

  private next(length: number, slot: number): number {
    const row = this.size;
    if (row === this.lengths.length) {
      if (row >= MAX_ENTRIES) {
        throw new RangeError(`A set holds at most ${MAX_ENTRIES} prefixes of a family.`);
      }
      this.grow(Math.min(row * 2, MAX_ENTRIES));
    }
    this.size++;
    this.lengths[row] = length;
    this.slots[row] = slot;
    return row;
  }

  private grow(capacity: number): void {
    const { words, lengths, slots } = this;
    this.words = new Uint32Array(capacity * this.keyWords);
    this.words.set(words);
    this.lengths = new Uint8Array(capacity);
    this.lengths.set(lengths);
    this.slots = new Int32Array(capacity);
    this.slots.set(slots);
  }
}
