import type { FileHandle } from 'node:fs/promises';
import { LINE_COLUMNS, LINE_DEFAULTS } from '../record/record-line.js';
import { readFrames, SEGMENT_HEADER, type Frames } from './spool-frame.js';
import type { SpoolFiles, SpoolFilesNow } from './spool-files.js';

/** How much of a segment is read at once, in bytes. */
const PIECE_BYTES = 256 * 1_024;

/** Records on disk from one position of a segment to another. */
export interface SpoolRange {
  readonly segment: SpoolSegment;
  start: number;
  /** Of an adopted segment: its size. */
  readonly end: number;
  /** How many records are left in it; null where nobody has counted them. */
  records: number | null;
}

/** What was read of a range, and where it goes on. */
export interface SpoolPiece extends Frames {
  readonly range: SpoolRange;
  /** The range's next `start`, once these records are settled. */
  readonly next: number;
}

/** One append-only file of the spool. Positions are this class' own: the file may hold a torn end that is not ours. */
export class SpoolSegment {
  /** Records that are in it and settled nowhere yet. */
  outstanding = 0;
  /** Nothing is appended any more. */
  isSealed = false;
  /** Another process has adopted it: this one neither reads nor removes it any more. */
  isForeign = false;
  private foreignColumns: readonly string[] | null = null;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly files: SpoolFiles,
    /** Bytes that are known to be written. */
    private written: number,
  ) {}

  /** Makes a new, empty segment. */
  static async create(path: string, files: SpoolFiles): Promise<SpoolSegment> {
    const file = await files.open(path, 'wx+', 0o600);
    const segment = new SpoolSegment(path, file, files, 0);
    try {
      await segment.append(SEGMENT_HEADER);
      return segment;
    } catch (error) {
      await segment.delete();
      throw error;
    }
  }

  /** Opens a segment of another process, to read it. */
  static async adopt(path: string, files: SpoolFiles): Promise<SpoolSegment> {
    const file = await files.open(path, 'r');
    const { size } = await file.stat();
    const segment = new SpoolSegment(path, file, files, size);
    segment.isSealed = true;
    // Until it has been read to its end.
    segment.outstanding = Number.POSITIVE_INFINITY;
    return segment;
  }

  get size(): number {
    return this.written;
  }

  /** Whether records were appended to it since it was made, or emptied. */
  get isUsed(): boolean {
    return this.written > SEGMENT_HEADER.length;
  }

  /**
   * Hands bytes to the operating system.
   *
   * @returns the position that they begin at.
   * @throws where not all of them were taken; the position stays as it was.
   */
  async append(bytes: Buffer): Promise<number> {
    const start = this.written;
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.file.write(
        bytes,
        done,
        bytes.length - done,
        start + done,
      );
      if (bytesWritten === 0) throw new Error(`nothing more can be written to ${this.path}`);
      done += bytesWritten;
    }
    this.written = start + bytes.length;
    return start;
  }

  /** As {@link append}, without letting anybody else have a turn. For a segment that {@link append} is not used on. */
  appendNow(bytes: Buffer, write: SpoolFilesNow['writeSync']): number {
    const start = this.written;
    for (let done = 0; done < bytes.length;) {
      const bytesWritten = write(this.file.fd, bytes, done, bytes.length - done, start + done);
      if (bytesWritten === 0) throw new Error(`nothing more can be written to ${this.path}`);
      done += bytesWritten;
    }
    this.written = start + bytes.length;
    return start;
  }

  /** Brings what was appended to the disk. After an error nothing that was appended since the last time is safe. */
  async sync(): Promise<void> {
    await this.file.datasync();
    if (await this.isDeleted()) throw new Error(`${this.path} was deleted`);
  }

  /** Whether nobody will find it any more; as long as it is open, it can be read all the same. */
  async isDeleted(): Promise<boolean> {
    try {
      return (await this.file.stat()).nlink === 0;
    } catch (error) {
      // What a network's file system says of it.
      return (error as NodeJS.ErrnoException).code === 'ESTALE';
    }
  }

  /** Takes away what a failed {@link append} has left behind it. */
  async trim(): Promise<void> {
    await this.file.truncate(this.written).catch(() => undefined);
  }

  /** Forgets all records. */
  async empty(): Promise<void> {
    this.written = SEGMENT_HEADER.length;
    await this.file.truncate(SEGMENT_HEADER.length);
  }

  /** Reads the next records of a range. */
  async read(range: SpoolRange): Promise<SpoolPiece> {
    const columns = range.start === 0 ? await this.columns() : null;
    for (let bytes = PIECE_BYTES; ; bytes *= 2) {
      const length = Math.min(bytes, range.end - range.start);
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await this.file.read(buffer, 0, length, range.start);
      // Shorter than it should be: cut off, or emptied by an owner who has delivered all of it.
      const isEnd = bytesRead < length || range.start + length >= range.end;
      const skipped = range.start === 0 ? afterHeader(buffer.subarray(0, bytesRead)) : 0;
      const frames = readFrames(buffer.subarray(skipped, bytesRead), isEnd);
      if (frames.consumed === 0 && !isEnd) continue;
      if (columns !== null) this.foreignColumns = columns;
      return {
        ...frames,
        lines: frames.lines.map((line) => this.translate(line)),
        range,
        next: isEnd ? range.end : range.start + skipped + frames.consumed,
      };
    }
  }

  async delete(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await this.files.rm(this.path, { force: true });
  }

  /** Lets go of the file, and leaves it to whoever comes next. */
  async close(): Promise<void> {
    await this.file.close().catch(() => undefined);
  }

  /** The columns of a segment that another release has written; null where they are today's. */
  private async columns(): Promise<readonly string[] | null> {
    const buffer = Buffer.alloc(1_024);
    const { bytesRead } = await this.file.read(buffer, 0, buffer.length, 0);
    const [header = ''] = buffer.toString('latin1', 0, bytesRead).split('\n', 1);
    const named = /^nestjs-ip-tracking spool 1 ([a-z_,]+)$/.exec(header)?.[1];
    return named === undefined || named === LINE_COLUMNS.join(',') ? null : named.split(',');
  }

  /** A line in today's columns. */
  private translate(line: string): string {
    const columns = this.foreignColumns;
    if (columns === null) return line;
    const fields = line.split('\t');
    return LINE_COLUMNS.map(
      (column) => fields[columns.indexOf(column)] ?? LINE_DEFAULTS[column] ?? '\\N',
    ).join('\t');
  }
}

/** Where the first record begins; either byte that says so may have become another. */
function afterHeader(bytes: Buffer): number {
  const newline = bytes.indexOf(0x0a) + 1;
  const start = bytes.indexOf(0x1e);
  if (start === -1) return newline === 0 ? bytes.length : newline;
  return newline === 0 ? start : Math.min(newline, start);
}
