import type { FormatCounts } from './line-parser.js';

/** A line that is in none of the formats. */
export interface BadLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Its beginning, as UTF-8. It was written by whoever sent the request: to be made printable before it is shown. */
  readonly text: string;
}

/** What came of one file. */
export interface LogFileReport {
  readonly name: string;
  /** Epoch milliseconds of its first request, by which files are ordered; null for a file without one. */
  readonly firstTimestampMs: number | null;
  /** Its lines by format. */
  readonly formats: FormatCounts;
  readonly badLines: number;
  /** Why the file could not be unzipped to its end, of which everything before was read; null where it could. */
  readonly damage: string | null;
}

/** What one pass over all files came to. */
export interface AccessLogReport {
  /** Lines that hold a request. */
  readonly lines: number;
  readonly badLines: number;
  /** The first few of them. */
  readonly firstBadLines: readonly BadLine[];
  readonly files: readonly LogFileReport[];
}

const KEPT_BAD_LINES = 5;
const KEPT_BYTES = 200;

/** Counts the lines that cannot be read, and keeps the first few. */
export class BadLines {
  readonly first: BadLine[] = [];
  count = 0;

  /** Takes the bytes of line number `line` of a file. */
  add(file: string, line: number, bytes: Buffer): void {
    this.count++;
    if (this.first.length >= KEPT_BAD_LINES) return;
    this.first.push({ file, line, text: bytes.toString('utf8', 0, KEPT_BYTES) });
  }
}
