import { FOLD } from './decoding.js';
import { type ListedProbe, MIN_WILDCARD } from './probe-index.js';

/** How much of a wildcard's beginning is compared; more would rarely tell more. */
const MAX_STEM = 8;
/** A number that spreads; the prime of FNV-1a. */
const PRIME = 0x01000193;
export const HASH_SEED = 0x811c9dc5 | 0;

/** The hash of a text one character longer, upper and lower case being the same. */
export function nextHash(hash: number, c: number): number {
  return Math.imul(hash ^ (c < 128 ? FOLD[c]! : c), PRIME);
}

/** A set of 65,536 bits: 8 kB, which stay near the processor, and a stranger in 200 is taken for one of 300 members. */
class HashSet16 {
  private readonly words = new Int32Array(2_048);

  add(hash: number): void {
    const i = place(hash);
    this.words[i >>> 5]! |= 1 << (i & 31);
  }

  has(hash: number): boolean {
    const i = place(hash);
    return (this.words[i >>> 5]! & (1 << (i & 31))) !== 0;
  }
}

/** The hash of the last two segments in a row that have no wildcard; null where there are none. */
function lastPair(segments: readonly string[]): number | null {
  for (let i = segments.length - 1; i > 0; i--) {
    const [before, last] = [segments[i - 1]!, segments[i]!];
    if (!before.endsWith('*') && !last.endsWith('*')) return pairHash(hashOf(before), hashOf(last));
  }
  return null;
}

/** One hash of two segments, in their order. */
function pairHash(before: number, hash: number): number {
  return Math.imul(before, PRIME) ^ hash;
}

function place(hash: number): number {
  return (hash ^ (hash >>> 16)) & 0xffff;
}

/**
 * Says of a segment, by its hash and that of the one before, that no entry of the list is met there: so an ordinary path is done with
 * without a text being made of any part of it. Where it says "maybe", the path is read properly.
 */
export class SegmentFilter {
  /** Segments that are an entry, or begin one in which no two without a wildcard follow each other. */
  private readonly heads = new HashSet16();
  /** The last two segments of entries that have several: their first ones are like `api/v1`, and in every app. */
  private readonly pairs = new HashSet16();
  private readonly stems = new HashSet16();
  private readonly wildcards = new HashSet16();
  private readonly suffixes = new HashSet16();

  constructor(entries: readonly ListedProbe[]) {
    for (const { text, place } of entries) {
      if (place === 'agent') continue;
      if (place === 'suffix') {
        this.suffixes.add(hashOf(text.slice(1)));
        continue;
      }
      const segments = text.split('/');
      const [head = ''] = segments;
      const pair = lastPair(segments);
      if (pair !== null) {
        this.pairs.add(pair);
        continue;
      }
      if (!head.endsWith('*')) {
        this.heads.add(hashOf(head));
        continue;
      }
      this.stems.add(hashOf(head.slice(0, MIN_WILDCARD)));
      this.wildcards.add(hashOf(head.slice(0, -1).slice(0, MAX_STEM)));
    }
  }

  /**
   * Whether an entry may begin with the segment of `text` from `start` to `end`.
   *
   * @param hash of the whole segment, from {@link HASH_SEED} by {@link nextHash}.
   * @param before the hash of the segment before it; 0 for the first.
   * @param lastDot where its last dot is; less than `start` where there is none.
   */
  mayMeet(
    text: string,
    start: number,
    end: number,
    hash: number,
    before: number,
    lastDot: number,
  ): boolean {
    if (this.heads.has(hash) || this.pairs.has(pairHash(before, hash))) return true;
    if (end - start >= MIN_WILDCARD && this.mayBeginWildcard(text, start, end)) return true;
    return lastDot >= start && this.suffixes.has(hashOf(text, lastDot + 1, end));
  }

  private mayBeginWildcard(text: string, start: number, end: number): boolean {
    let i = start + MIN_WILDCARD;
    let hash = hashOf(text, start, i);
    if (!this.stems.has(hash)) return false;
    const last = Math.min(end, start + MAX_STEM);
    while (!this.wildcards.has(hash)) {
      if (i === last) return false;
      hash = nextHash(hash, text.charCodeAt(i++));
    }
    return true;
  }
}

function hashOf(text: string, start = 0, end = text.length): number {
  let hash = HASH_SEED;
  for (let i = start; i < end; i++) hash = nextHash(hash, text.charCodeAt(i));
  return hash;
}
