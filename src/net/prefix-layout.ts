/**
 * How an entry lies in the array of a table: the words of its address; then the entry around it (plus one, 24 bits)
 * with its length (8 bits); then its value. All in one place, because a lookup among a million entries costs as many
 * cache misses as it touches places.
 */
export interface EntryLayout {
  /** Words of the address. */
  readonly keyWords: 1 | 4;
  /** Words of the entry. */
  readonly stride: 3 | 6;
}

export const V4_LAYOUT: EntryLayout = { keyWords: 1, stride: 3 };
export const V6_LAYOUT: EntryLayout = { keyWords: 4, stride: 6 };

/** What 24 bits can link to: the most prefixes a family can have. */
export const MAX_ENTRIES = 0xffffff;

/** How many leading bits two addresses in an array share. */
export function commonBits(words: Uint32Array, a: number, b: number, keyWords: 1 | 4): number {
  for (let k = 0; k < keyWords; k++) {
    const difference = words[a + k]! ^ words[b + k]!;
    if (difference !== 0) return k * 32 + Math.clz32(difference);
  }
  return keyWords * 32;
}
