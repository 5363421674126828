import { CellArena, MemoryBudget, NONE } from './cell-arena.js';
import { CounterSegment } from './counter-segment.js';

/** So many tables: each holds a few thousand of a million counters, and grows in less than a millisecond. */
const SEGMENTS = 1_024;
/** How many counters are compared before one is given up. */
const SAMPLE = 12;
/** How many places are looked at, with each request, for counters whose time is over. */
const SWEPT = 2;

/** What counters count for. */
export interface CounterKind {
  /** How long one counts, in microseconds. */
  readonly windowUs: number;
  /** By so much later than it was something may be counted, in microseconds: it was decided upon only then. @default 0 */
  readonly lateUs?: number;
  /** It has reached its end at so many. */
  readonly atLeast: number;
  /** It counts no further than this. */
  readonly most: number;
}

/**
 * Counts within windows that slide, for millions of subjects, in so many bytes and no more. There is no timer: counters
 * whose time is over are met by and by, and go. Where memory is short the one goes that has come least far on its way,
 * so that many who have done little cannot push out one who is nearly there.
 */
export class Counters {
  private readonly budget: MemoryBudget;
  private readonly arena: CellArena;
  private readonly segments: CounterSegment[];
  private hand = 0;
  private handSlot = 0;
  private random: number;
  /** Counters that were given up before their time. */
  evicted = 0;
  /** Requests that could not be counted at all. */
  uncounted = 0;
  /** The oldest request that the counter which was counted last knows of. */
  firstUs = 0;

  constructor(
    private readonly kinds: readonly CounterKind[],
    maxBytes: number,
    seed: number,
  ) {
    this.budget = new MemoryBudget(maxBytes);
    this.arena = new CellArena(this.budget);
    this.segments = Array.from({ length: SEGMENTS }, () => new CounterSegment(this.budget));
    this.random = seed | 1;
  }

  get bytes(): number {
    return this.budget.used;
  }

  get size(): number {
    return this.segments.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Counts one more at a time: a request, or where `value` tells requests apart a different value.
   *
   * @returns how many there are within the window; 0 where there was no room for it.
   */
  count(kind: number, low: number, high: number, atUs: number, value: number | null): number {
    const { windowUs, most } = this.kinds[kind]!;
    const segment = this.segments[high >>> 22]!;
    let slot = segment.find(low, high);
    if (slot < 0) slot = this.add(segment, kind, low, high, atUs);
    if (slot < 0) return 0;
    this.forgetBefore(segment, slot, atUs - windowUs);
    if (value !== null) this.takeOut(segment, slot, value);
    if (segment.countOf(slot) >= most) this.dropFirst(segment, slot);
    if (!this.append(segment, slot, atUs, value ?? 0)) {
      // Making room may have taken another one out of this very table.
      slot = this.makeRoom(atUs) ? segment.find(low, high) : -1;
      if (slot < 0 || !this.append(segment, slot, atUs, value ?? 0)) {
        this.uncounted += 1;
        return 0;
      }
    }
    this.firstUs = this.arena.time(segment.headOf(slot));
    return segment.countOf(slot);
  }

  /** Forgets a counter. */
  forget(low: number, high: number): void {
    const segment = this.segments[high >>> 22]!;
    const slot = segment.find(low, high);
    if (slot >= 0) this.remove(segment, slot);
  }

  /** Looks at a few places, and takes out what is over by now. */
  sweep(nowUs: number): void {
    for (let step = 0; step < SWEPT; step++) {
      const segment = this.segments[this.hand]!;
      if (this.handSlot >= segment.capacity) {
        this.hand = (this.hand + 1) % SEGMENTS;
        this.handSlot = 0;
        continue;
      }
      const slot = this.handSlot++;
      if (segment.ownerOf(slot) !== 0 && this.isOver(segment, slot, nowUs)) {
        this.remove(segment, slot);
      }
    }
  }

  private add(
    segment: CounterSegment,
    kind: number,
    low: number,
    high: number,
    nowUs: number,
  ): number {
    if (segment.isFull && !segment.grows()) {
      if (!this.evictFrom(segment, nowUs)) {
        this.uncounted += 1;
        return -1;
      }
    }
    return segment.add(low, high, kind + 1);
  }

  private append(segment: CounterSegment, slot: number, atUs: number, value: number): boolean {
    const cell = this.arena.take(atUs, value);
    if (cell === NONE) return false;
    if (segment.headOf(slot) === NONE) segment.setHead(slot, cell);
    else this.arena.link(segment.tailOf(slot), cell);
    segment.setTail(slot, cell);
    segment.addToCount(slot, 1);
    return true;
  }

  /** What is exactly as old as the window still counts. */
  private forgetBefore(segment: CounterSegment, slot: number, oldestUs: number): void {
    while (segment.headOf(slot) !== NONE && this.arena.time(segment.headOf(slot)) < oldestUs) {
      this.dropFirst(segment, slot);
    }
  }

  private dropFirst(segment: CounterSegment, slot: number): void {
    const cell = segment.headOf(slot);
    const next = this.arena.next(cell);
    segment.setHead(slot, next);
    if (next === NONE) segment.setTail(slot, NONE);
    segment.addToCount(slot, -1);
    this.arena.give(cell);
  }

  /** Takes a value out of a list, so that it counts once, and from its last time on. */
  private takeOut(segment: CounterSegment, slot: number, value: number): void {
    let before = NONE;
    for (let cell = segment.headOf(slot); cell !== NONE; cell = this.arena.next(cell)) {
      if (this.arena.value(cell) !== value) {
        before = cell;
        continue;
      }
      const next = this.arena.next(cell);
      if (before === NONE) segment.setHead(slot, next);
      else this.arena.link(before, next);
      if (next === NONE) segment.setTail(slot, before);
      segment.addToCount(slot, -1);
      this.arena.give(cell);
      return;
    }
  }

  private remove(segment: CounterSegment, slot: number): void {
    while (segment.headOf(slot) !== NONE) this.dropFirst(segment, slot);
    segment.remove(slot);
  }

  private isOver(segment: CounterSegment, slot: number, nowUs: number): boolean {
    const tail = segment.tailOf(slot);
    if (tail === NONE) return true;
    const { windowUs, lateUs = 0 } = this.kinds[segment.ownerOf(slot) - 1]!;
    return this.arena.time(tail) < nowUs - windowUs - lateUs;
  }

  /** Gives some counter up for a cell; false where none was found to be given up. */
  private makeRoom(nowUs: number): boolean {
    for (let attempt = 0; attempt < 4; attempt++) {
      if (this.evictFrom(this.segments[this.draw() % SEGMENTS]!, nowUs)) return true;
    }
    return false;
  }

  /** Of some counters of a segment the one goes that has come least far; of equals the one that was idle longest. */
  private evictFrom(segment: CounterSegment, nowUs: number): boolean {
    let worst = -1;
    let least = Number.POSITIVE_INFINITY;
    let oldest = Number.POSITIVE_INFINITY;
    for (let drawn = 0, seen = 0; drawn < 4 * SAMPLE && seen < SAMPLE; drawn++) {
      const slot = this.draw() & (segment.capacity - 1);
      if (segment.ownerOf(slot) === 0) continue;
      seen += 1;
      const progress = this.progressOf(segment, slot, nowUs);
      const idle = segment.tailOf(slot) === NONE ? 0 : this.arena.time(segment.tailOf(slot));
      if (progress > least || (progress === least && idle >= oldest)) continue;
      worst = slot;
      least = progress;
      oldest = idle;
    }
    if (worst < 0) return false;
    if (least >= 0) this.evicted += 1;
    this.remove(segment, worst);
    return true;
  }

  /** How far a counter has come. What it was for has been found once it is there: then little is lost with it. */
  private progressOf(segment: CounterSegment, slot: number, nowUs: number): number {
    if (this.isOver(segment, slot, nowUs)) return -1;
    const { atLeast } = this.kinds[segment.ownerOf(slot) - 1]!;
    const count = segment.countOf(slot);
    return count >= atLeast ? 0 : count / atLeast;
  }

  /** A generator by xorshift: nobody gains by foreseeing which counters are compared. */
  private draw(): number {
    this.random ^= this.random << 13;
    this.random ^= this.random >>> 17;
    this.random ^= this.random << 5;
    return this.random >>> 1;
  }
}
