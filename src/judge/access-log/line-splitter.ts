const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const OPEN_BRACE = 123;

/** What is kept of a line: beyond it come only a referer and a user agent that somebody made to hurt. */
export const MAX_LINE_BYTES = 64 * 1024;

/**
 * What is kept of a line of JSON, which is worth nothing once it is cut. Caddy logs every header of a request, of which
 * Go takes 1 MiB, and JSON escapes some bytes with a second one: a client shall not get out of the log by sending more.
 */
export const MAX_JSON_LINE_BYTES = 2.5 * 1024 * 1024;

/** Takes a line without its end: `bytes[start, end)`, which hold it only during the call. */
export type LineConsumer = (bytes: Buffer, start: number, end: number) => void;

/** Cuts chunks of a file into lines, without copying any but those that lie across two chunks. It does no I/O. */
export class LineSplitter {
  private begun: Buffer[] = [];
  private begunBytes = 0;

  constructor(private readonly onLine: LineConsumer) {}

  /** Hands on every line that ends in this chunk, which may be used for something else afterwards. */
  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      if (newline < 0) break;
      if (this.begun.length > 0) this.finish(chunk.subarray(start, newline));
      else this.emit(chunk, start, newline);
      start = newline + 1;
    }
    if (start < chunk.length) this.begin(chunk.subarray(start));
  }

  /** Hands on the last line, where no newline ends it. */
  end(): void {
    if (this.begun.length > 0) this.finish(Buffer.alloc(0));
  }

  private begin(part: Buffer): void {
    const first = this.begun[0] ?? part;
    const room = limitOf(first[0]) - this.begunBytes;
    if (room <= 0) return;
    const kept = Buffer.from(part.subarray(0, room));
    this.begun.push(kept);
    this.begunBytes += kept.length;
  }

  private finish(part: Buffer): void {
    if (part.length > 0) this.begin(part);
    const line = this.begun.length === 1 ? this.begun[0]! : Buffer.concat(this.begun);
    this.begun = [];
    this.begunBytes = 0;
    this.emit(line, 0, line.length);
  }

  private emit(bytes: Buffer, start: number, newline: number): void {
    const end = newline > start && bytes[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline;
    this.onLine(bytes, start, Math.min(end, start + limitOf(bytes[start])));
  }
}

function limitOf(firstByte: number | undefined): number {
  return firstByte === OPEN_BRACE ? MAX_JSON_LINE_BYTES : MAX_LINE_BYTES;
}
