import { lengthIn, parentIn, PrefixEntries, V4_STRIDE } from './prefix-entries.js';
import { PrefixIndex } from './prefix-index.js';
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
    private readonly entries: PrefixEntries,
    private readonly index: PrefixIndex,
  ) {}

  static readonly empty = new PrefixTable(new PrefixEntries(1, 0), PrefixIndex.empty);

  /** Sorts the rows, drops all but the last of equal ones, links and indexes them. */
  static *build(rows: PrefixRows): SlicedTask<PrefixTable> {
    if (rows.size === 0) return PrefixTable.empty;
    const order = yield* sortRows(rows);
    const size = yield* dropRepeated(rows, order);
    const entries = new PrefixEntries(rows.keyWords, size);
    for (let entry = 0; entry < size; entry++) {
      const row = order[entry]!;
      entries.copy(entry, rows, row);
      const parent = entry === 0 ? -1 : enclosing(entries, entry);
      entries.link(entry, parent, rows.lengths[row]!);
      if (entry % ENTRIES_PER_STEP === 0) yield;
    }
    const index = yield* PrefixIndex.build(entries);
    return new PrefixTable(entries, index);
  }

  /** How many prefixes there are. */
  get size(): number {
    return this.entries.size;
  }

  /** The innermost entry that contains the IPv4 address, or -1. */
  findV4(address: number): number {
    const entry = this.index.lastAtOrBeforeV4(address);
    if (entry < 0) return -1;
    return outwards(
      this.entries,
      entry,
      Math.clz32(this.entries.hot[entry * V4_STRIDE]! ^ address),
    );
  }

  /** The innermost entry that contains the IPv6 address, or -1. */
  findV6(w0: number, w1: number, w2: number, w3: number): number {
    const entry = this.index.lastAtOrBeforeV6(w0, w1, w2, w3);
    if (entry < 0) return -1;
    return outwards(this.entries, entry, this.index.matchingBits(entry, w0, w1, w2, w3));
  }

  /** The entry directly around another, or -1. */
  parentOf(entry: number): number {
    return parentIn(this.entries.linkOf(entry));
  }

  /** The length of an entry's prefix in bits. */
  lengthOf(entry: number): number {
    return lengthIn(this.entries.linkOf(entry));
  }

  /** What was given with an entry's prefix: 32 bits, signed. */
  slotOf(entry: number): number {
    return this.entries.slotOf(entry);
  }
}

/** The innermost of the entry and those around it that is no longer than what an address shares with the entry. */
function outwards(entries: PrefixEntries, entry: number, sharedBits: number): number {
  while (entry >= 0) {
    const link = entries.linkOf(entry);
    if (lengthIn(link) <= sharedBits) return entry;
    entry = parentIn(link);
  }
  return -1;
}

/** What encloses an entry: the one before it, or one of those around that. */
function enclosing(entries: PrefixEntries, entry: number): number {
  return outwards(entries, entry - 1, entries.sharedBits(entry - 1, entry));
}

/** Moves the last of each run of equal rows to the front of `order` and returns how many there are. */
function* dropRepeated(rows: PrefixRows, order: Uint32Array): SlicedTask<number> {
  let kept = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i]!;
    if (kept > 0 && rows.isRepeat(order[kept - 1]!, row)) order[kept - 1] = row;
    else order[kept++] = row;
    if (i % ENTRIES_PER_STEP === 0) yield;
  }
  return kept;
}
