const PAGE_BITS = 14;
const PAGE_RECORDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_RECORDS - 1;

/**
 * Records of a fixed number of 32-bit words, outside the garbage collector's reach: a million JavaScript objects cost
 * several times the memory, and pauses while they are marked and moved. Memory grows by a page at a time, so that
 * growing never copies what is there. Pages are kept until {@link clear}.
 */
export class RecordPages {
  private ints: Int32Array[] = [];
  private floats: Float64Array[] = [];
  private firstFree = -1;
  private freeCount = 0;
  private end = 0;

  /** Takes the size of a record in words; it must be even, so that a 64-bit float can stand at every even word. */
  constructor(private readonly words: number) {}

  /** How many records are allocated. */
  get size(): number {
    return this.end - this.freeCount;
  }

  /** No record at or above this number was ever allocated. */
  get highWaterMark(): number {
    return this.end;
  }

  /** Returns the number of a record whose words hold anything. */
  allocate(): number {
    const record = this.firstFree;
    if (record !== -1) {
      this.firstFree = this.int(record, 0);
      this.freeCount--;
      return record;
    }
    if (this.end >>> PAGE_BITS === this.ints.length) {
      const page = new ArrayBuffer(PAGE_RECORDS * this.words * 4);
      this.ints.push(new Int32Array(page));
      this.floats.push(new Float64Array(page));
    }
    return this.end++;
  }

  /** Gives a record back; its word 0 is overwritten, the others stay until it is allocated again. */
  free(record: number): void {
    this.setInt(record, 0, this.firstFree);
    this.firstFree = record;
    this.freeCount++;
  }

  /** Forgets every record and lets go of the memory. */
  clear(): void {
    this.ints = [];
    this.floats = [];
    this.firstFree = -1;
    this.freeCount = 0;
    this.end = 0;
  }

  int(record: number, word: number): number {
    return this.ints[record >>> PAGE_BITS]![(record & PAGE_MASK) * this.words + word]!;
  }

  setInt(record: number, word: number, value: number): void {
    this.ints[record >>> PAGE_BITS]![(record & PAGE_MASK) * this.words + word] = value;
  }

  /** Reads the float that takes `word` and the one after it. */
  float(record: number, word: number): number {
    return this.floats[record >>> PAGE_BITS]![((record & PAGE_MASK) * this.words + word) >>> 1]!;
  }

  /** Writes the float that takes `word` and the one after it. */
  setFloat(record: number, word: number, value: number): void {
    this.floats[record >>> PAGE_BITS]![((record & PAGE_MASK) * this.words + word) >>> 1] = value;
  }
}
