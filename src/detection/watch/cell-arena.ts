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

/** Many short lists of times and values, without an object for any of them. */
export class CellArena {
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
    this.times[page]![at] = time;
    this.values[page]![at] = value;
    this.nexts[page]![at] = NONE;
    return cell;
  }

  give(cell: number): void {
    this.link(cell, this.free);
    this.free = cell;
  }

  time(cell: number): number {
    return this.times[cell >>> PAGE_BITS]![cell & PAGE_MASK]!;
  }

  setTime(cell: number, time: number): void {
    this.times[cell >>> PAGE_BITS]![cell & PAGE_MASK] = time;
  }

  value(cell: number): number {
    return this.values[cell >>> PAGE_BITS]![cell & PAGE_MASK]!;
  }

  next(cell: number): number {
    return this.nexts[cell >>> PAGE_BITS]![cell & PAGE_MASK]!;
  }

  link(cell: number, next: number): void {
    this.nexts[cell >>> PAGE_BITS]![cell & PAGE_MASK] = next;
  }

  private addPage(): boolean {
    if (!this.budget.takes(PAGE_CELLS * BYTES_PER_CELL)) return false;
    this.times.push(new Float64Array(PAGE_CELLS));
    this.values.push(new Uint32Array(PAGE_CELLS));
    this.nexts.push(new Int32Array(PAGE_CELLS));
    return true;
  }
}
