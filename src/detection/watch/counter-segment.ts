import { type MemoryBudget, NONE } from './cell-arena.js';

const FIRST_CAPACITY = 32;
/** Of a counter: two halves of its key, its list's ends, and how long that is with whose it is. */
const LOW = 0;
const HIGH = 1;
const HEAD = 2;
const TAIL = 3;
const COUNT_AND_OWNER = 4;
const FIELDS = 5;
const BYTES_PER_SLOT = FIELDS * 4;
const OWNER_BITS = 8;
const OWNER_MASK = (1 << OWNER_BITS) - 1;
/** Beyond it a search goes on for too long. */
const MAX_LOAD = 0.75;

/**
 * A part of all counters, in a table of its own that grows by itself: growing takes no moment that anybody notices. What
 * belongs to a counter lies together, because of a million counters each field is a wait for memory.
 */
export class CounterSegment {
  size = 0;
  capacity = FIRST_CAPACITY;
  private fields = new Int32Array(FIRST_CAPACITY * FIELDS);

  constructor(private readonly budget: MemoryBudget) {
    budget.used += FIRST_CAPACITY * BYTES_PER_SLOT;
  }

  get isFull(): boolean {
    return this.size >= this.capacity * MAX_LOAD;
  }

  /** The number of what it counts for, and one; 0 for a free slot. */
  ownerOf(slot: number): number {
    return this.fields[slot * FIELDS + COUNT_AND_OWNER]! & OWNER_MASK;
  }

  /** How long its list is. */
  countOf(slot: number): number {
    return this.fields[slot * FIELDS + COUNT_AND_OWNER]! >> OWNER_BITS;
  }

  addToCount(slot: number, by: 1 | -1): void {
    this.fields[slot * FIELDS + COUNT_AND_OWNER]! += by << OWNER_BITS;
  }

  /** The oldest cell of its list. */
  headOf(slot: number): number {
    return this.fields[slot * FIELDS + HEAD]!;
  }

  setHead(slot: number, cell: number): void {
    this.fields[slot * FIELDS + HEAD] = cell;
  }

  /** The newest cell of its list. */
  tailOf(slot: number): number {
    return this.fields[slot * FIELDS + TAIL]!;
  }

  setTail(slot: number, cell: number): void {
    this.fields[slot * FIELDS + TAIL] = cell;
  }

  /** Where a counter is, by its key's halves of 32 bits; -1 where it is not. */
  find(low: number, high: number): number {
    const { fields } = this;
    const mask = this.capacity - 1;
    const low32 = low | 0;
    const high32 = high | 0;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const at = slot * FIELDS;
      if (fields[at + COUNT_AND_OWNER] === 0) return -1;
      if (fields[at + LOW] === low32 && fields[at + HIGH] === high32) return slot;
    }
  }

  /** Makes a counter that is not there. The segment must not be full. */
  add(low: number, high: number, owner: number): number {
    const mask = this.capacity - 1;
    let slot = low & mask;
    while (this.ownerOf(slot) !== 0) slot = (slot + 1) & mask;
    const at = slot * FIELDS;
    this.fields[at + LOW] = low;
    this.fields[at + HIGH] = high;
    this.fields[at + HEAD] = NONE;
    this.fields[at + TAIL] = NONE;
    this.fields[at + COUNT_AND_OWNER] = owner;
    this.size += 1;
    return slot;
  }

  /** Makes room by growing; false where there is no memory. */
  grows(): boolean {
    const { fields: old, capacity: before } = this;
    if (!this.budget.takes(before * BYTES_PER_SLOT)) return false;
    this.capacity = before * 2;
    this.fields = new Int32Array(this.capacity * FIELDS);
    this.size = 0;
    for (let from = 0; from < old.length; from += FIELDS) {
      const owner = old[from + COUNT_AND_OWNER]! & OWNER_MASK;
      if (owner === 0) continue;
      const at = this.add(old[from + LOW]!, old[from + HIGH]!, owner) * FIELDS;
      this.fields.set(old.subarray(from, from + FIELDS), at);
    }
    return true;
  }

  /** Takes a counter out; those behind it move up, so that no search ends before them. */
  remove(slot: number): void {
    const { fields } = this;
    const mask = this.capacity - 1;
    let hole = slot;
    fields[hole * FIELDS + COUNT_AND_OWNER] = 0;
    this.size -= 1;
    for (let next = (hole + 1) & mask; this.ownerOf(next) !== 0; next = (next + 1) & mask) {
      const from = next * FIELDS;
      const home = fields[from + LOW]! & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      fields.copyWithin(hole * FIELDS, from, from + FIELDS);
      fields[from + COUNT_AND_OWNER] = 0;
      hole = next;
    }
  }
}
