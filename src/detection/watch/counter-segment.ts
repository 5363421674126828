import { type MemoryBudget, NONE } from './cell-arena.js';

const FIRST_CAPACITY = 32;
/** Of a counter: two halves of its key, its list's ends, how long that is, and whose it is. */
const BYTES_PER_SLOT = 4 + 4 + 4 + 4 + 2 + 1;
/** Beyond it a search goes on for too long. */
const MAX_LOAD = 0.75;

/** A part of all counters, in a table of its own that grows by itself: growing takes no moment that anybody notices. */
export class CounterSegment {
  size = 0;
  low = new Uint32Array(FIRST_CAPACITY);
  high = new Uint32Array(FIRST_CAPACITY);
  /** The oldest cell of a counter's list, and the newest. */
  head = new Int32Array(FIRST_CAPACITY);
  tail = new Int32Array(FIRST_CAPACITY);
  count = new Uint16Array(FIRST_CAPACITY);
  /** The number of what it counts for, and one; 0 for a free slot. */
  owner = new Uint8Array(FIRST_CAPACITY);

  constructor(private readonly budget: MemoryBudget) {
    budget.used += FIRST_CAPACITY * BYTES_PER_SLOT;
  }

  get capacity(): number {
    return this.owner.length;
  }

  get isFull(): boolean {
    return this.size >= this.capacity * MAX_LOAD;
  }

  /** Where a counter is; -1 where it is not. */
  find(low: number, high: number): number {
    const mask = this.capacity - 1;
    for (let slot = low & mask; this.owner[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.low[slot] === low && this.high[slot] === high) return slot;
    }
    return -1;
  }

  /** Makes a counter that is not there. The segment must not be full. */
  add(low: number, high: number, owner: number): number {
    const mask = this.capacity - 1;
    let slot = low & mask;
    while (this.owner[slot] !== 0) slot = (slot + 1) & mask;
    this.put(slot, low, high, owner);
    this.head[slot] = NONE;
    this.tail[slot] = NONE;
    this.count[slot] = 0;
    this.size += 1;
    return slot;
  }

  /** Makes room by growing; false where there is no memory. */
  grows(): boolean {
    const before = this.capacity;
    if (!this.budget.takes(before * BYTES_PER_SLOT)) return false;
    const { low, high, head, tail, count, owner } = this;
    const capacity = before * 2;
    this.low = new Uint32Array(capacity);
    this.high = new Uint32Array(capacity);
    this.head = new Int32Array(capacity);
    this.tail = new Int32Array(capacity);
    this.count = new Uint16Array(capacity);
    this.owner = new Uint8Array(capacity);
    this.size = 0;
    for (let old = 0; old < before; old++) {
      if (owner[old] === 0) continue;
      const slot = this.add(low[old]!, high[old]!, owner[old]!);
      this.head[slot] = head[old]!;
      this.tail[slot] = tail[old]!;
      this.count[slot] = count[old]!;
    }
    return true;
  }

  /** Takes a counter out; those behind it move up, so that no search ends before them. */
  remove(slot: number): void {
    const mask = this.capacity - 1;
    let hole = slot;
    this.owner[hole] = 0;
    this.size -= 1;
    for (let next = (hole + 1) & mask; this.owner[next] !== 0; next = (next + 1) & mask) {
      const home = this.low[next]! & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.put(hole, this.low[next]!, this.high[next]!, this.owner[next]!);
      this.head[hole] = this.head[next]!;
      this.tail[hole] = this.tail[next]!;
      this.count[hole] = this.count[next]!;
      this.owner[next] = 0;
      hole = next;
    }
  }

  private put(slot: number, low: number, high: number, owner: number): void {
    this.low[slot] = low;
    this.high[slot] = high;
    this.owner[slot] = owner;
  }
}
