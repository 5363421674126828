/** Cells of one piece of memory; a new piece is made in well under a millisecond. */
const PAGE_BITS = 14;
const PAGE_CELLS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_CELLS - 1;
/** A time, a value and what comes next. */
const BYTES_PER_CELL = 8 + 4 + 4;

/** No cell. */
export const NONE = -1;

/** What all parts of a watch may take together, in bytes. */
export class MemoryBudget {
  used = 0;
  constructor(readonly max: number) {}

  /** Takes so many bytes, if there is room. */
  takes(bytes: number): boolean {
    if (this.used + bytes > this.max) return false;
    this.used += bytes;
    return true;
  }
}

/** Of a cell: its time as one double, then its value and the next cell as integers, in one line of the cache. */
const DOUBLES = BYTES_PER_CELL / 8;
const INTEGERS = BYTES_PER_CELL / 4;
const VALUE = 2;
const NEXT = 3;

/** Many short lists of times and values, without an object for any of them. */
export class CellArena {
  /** Of each page three views: what lies together is read together. */
  private readonly times: Float64Array[] = [];
  private readonly values: Uint32Array[] = [];
  private readonly nexts: Int32Array[] = [];
  private free = NONE;
  private unused = 0;

  constructor(private readonly budget: MemoryBudget) {}

  /** A cell; {@link NONE} where there is no room. */
  take(time: number, value: number): number {
    let cell = this.free;
    if (cell !== NONE) this.free = this.next(cell);
    else {
      if (this.unused === this.times.length << PAGE_BITS && !this.addPage()) return NONE;
      cell = this.unused++;
    }
    const page = cell >>> PAGE_BITS;
    const at = cell & PAGE_MASK;
    this.times[page]![at * DOUBLES] = time;
    this.values[page]![at * INTEGERS + VALUE] = value;
    this.nexts[page]![at * INTEGERS + NEXT] = NONE;
    return cell;
  }

  give(cell: number): void {
    this.link(cell, this.free);
    this.free = cell;
  }

  time(cell: number): number {
    return this.times[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * DOUBLES]!;
  }

  value(cell: number): number {
    return this.values[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * INTEGERS + VALUE]!;
  }

  next(cell: number): number {
    return this.nexts[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * INTEGERS + NEXT]!;
  }

  link(cell: number, next: number): void {
    this.nexts[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * INTEGERS + NEXT] = next;
  }

  private addPage(): boolean {
    const bytes = PAGE_CELLS * BYTES_PER_CELL;
    if (!this.budget.takes(bytes)) return false;
    const page = new ArrayBuffer(bytes);
    this.times.push(new Float64Array(page));
    this.values.push(new Uint32Array(page));
    this.nexts.push(new Int32Array(page));
    return true;
  }
}
