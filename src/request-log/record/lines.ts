/**
 * Records as rows of PostgreSQL's COPY text format, in UTF-8, each with its newline, one after another: the form that
 * the spool and the table both take. A view of memory that others may share, and that nobody changes.
 */
export class Lines implements Iterable<string> {
  /**
   * @param memory holds the lines, perhaps among others.
   * @param ends where each line ends in it, its newline included; one begins where the one before it ends.
   * @param first the first line of this view.
   * @param last the one behind its last.
   */
  constructor(
    private readonly memory: Buffer,
    private readonly ends: readonly number[],
    private readonly first = 0,
    private readonly last = ends.length,
  ) {}

  /** Lines that are texts, without their newlines. */
  static of(texts: readonly string[]): Lines {
    const ends: number[] = [];
    const parts = texts.map((text) => Buffer.from(`${text}\n`));
    let end = 0;
    for (const part of parts) ends.push((end += part.length));
    return new Lines(Buffer.concat(parts), ends);
  }

  /** Lines of several views, in a row. Shares their memory where there is only one. */
  static joined(views: readonly Lines[]): Lines {
    if (views.length === 1) return views[0]!;
    const ends: number[] = [];
    let start = 0;
    for (const view of views) {
      for (let index = view.first; index < view.last; index += 1) {
        ends.push(start + view.ends[index]! - view.startOf(view.first));
      }
      start = ends.at(-1) ?? 0;
    }
    return new Lines(Buffer.concat(views.map(({ bytes }) => bytes)), ends);
  }

  get length(): number {
    return this.last - this.first;
  }

  /** All of them, with their newlines. */
  get bytes(): Buffer {
    return this.memory.subarray(this.startOf(this.first), this.startOf(this.last));
  }

  /** Some of them, as of an array. */
  slice(from: number, to = this.length): Lines {
    const last = Math.min(this.last, this.first + to);
    const first = Math.min(last, this.first + from);
    return new Lines(this.memory, this.ends, first, last);
  }

  /** Where one of them begins in {@link bytes}. */
  offsetOf(index: number): number {
    return this.startOf(this.first + index) - this.startOf(this.first);
  }

  /** One of them, without its newline. */
  at(index: number): Buffer {
    const line = this.first + index;
    return this.memory.subarray(this.startOf(line), this.ends[line]! - 1);
  }

  /** Those whose text passes. */
  where(passes: (text: string) => boolean): Lines {
    return Lines.of(Array.from(this).filter(passes));
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index).toString();
  }

  private startOf(line: number): number {
    return line === 0 ? 0 : this.ends[line - 1]!;
  }
}
