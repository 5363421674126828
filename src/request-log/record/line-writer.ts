import type { IpAddress } from '../../net/ip-address.js';
import { Lines } from './lines.js';
import type { PlacedRecord } from './request-record.js';

/** Memory is taken by this many bytes: some hundred lines. */
const CHUNK_BYTES = 64 * 1_024;
/** A byte takes four at most: a control character is written as `\x1e`, and a unit of UTF-16 in three bytes. */
const MAX_BYTES_PER_UNIT = 4;
/** What all that is no text takes at most: the tabs, a time, an address, three numbers, a flag and `\N`s. */
const MAX_OTHER_BYTES = 256;
/** What is longer is looked at by a regular expression and copied by the system, not letter by letter. */
const LONG_UNITS = 64;

const TAB = 0x09;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const DOT = 0x2e;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;
const CAPITAL_N = 0x4e;
const SMALL_F = 0x66;
const SMALL_T = 0x74;

// Backslash, and what would end a column, a line, or a record of the spool.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const SPECIAL = /[\\\t\n\r\u001e]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\u001e': '\\x1e',
};
/** Anything but printable ASCII without the backslash. */
const NOT_PLAIN = /[^ -[\]-~]/;

/** Up to and with the dot before the milliseconds of an ISO 8601 time. */
const SECOND_LENGTH = 20;
/** The first second of the year 10000, whose text is longer, in milliseconds. */
const LONG_YEARS_MS = 253_402_300_800_000;

/**
 * Writes records as {@link Lines}, each once, straight into the bytes that the spool and the table take. As texts they
 * would be made, kept and traced by the garbage collector until their batch is sent, and then encoded: several times
 * the cost.
 */
export class LineWriter {
  private chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  private end = 0;
  /** Of the lines in the chunk, the ones that were taken included. */
  private ends: number[] = [];
  private taken = 0;
  private full: Lines[] = [];
  private waiting = 0;
  /** The second that was written last, and its text. */
  private secondMs = Number.NaN;
  private readonly second = Buffer.alloc(SECOND_LENGTH);

  /** How many lines were written and not taken. */
  get length(): number {
    return this.waiting;
  }

  /**
   * Writes a record.
   *
   * @throws where it is none, such as one without a time; then nothing of it is left.
   */
  add(record: PlacedRecord): void {
    const extra =
      record.extra === undefined || record.extra === null ? null : JSON.stringify(record.extra);
    this.makeRoom(record, extra);
    const start = this.end;
    try {
      this.write(record, extra);
    } catch (error) {
      this.end = start;
      throw error;
    }
    this.ends.push(this.end);
    this.waiting += 1;
  }

  /** What was written since the last time, in order. */
  take(): Lines[] {
    this.cut();
    const lines = this.full;
    this.full = [];
    this.waiting = 0;
    return lines;
  }

  /** In the order of `LINE_COLUMNS`. */
  private write(record: PlacedRecord, extra: string | null): void {
    this.text(record.id);
    this.tab();
    this.time(record.timestampMs);
    this.tab();
    this.address(record.ip);
    this.tab();
    this.text(record.ipSource);
    this.tab();
    this.text(record.method);
    this.tab();
    this.text(record.path);
    this.tab();
    this.nullable(record.route);
    this.tab();
    this.number(record.status);
    this.tab();
    this.text(record.outcome);
    this.tab();
    this.number(record.durationUs);
    this.tab();
    this.nullable(record.country);
    this.tab();
    this.nullable(record.city);
    this.tab();
    this.nullable(record.userAgent);
    this.tab();
    this.nullable(record.userId);
    this.tab();
    this.byte(record.sensitive ? SMALL_T : SMALL_F);
    this.tab();
    if (record.ruleId === null) this.null();
    else this.number(record.ruleId);
    this.tab();
    this.nullable(extra);
    this.byte(NEWLINE);
  }

  private makeRoom(record: PlacedRecord, extra: string | null): void {
    const units =
      record.id.length +
      record.ipSource.length +
      record.method.length +
      record.path.length +
      record.outcome.length +
      lengthOf(record.route) +
      lengthOf(record.country) +
      lengthOf(record.city) +
      lengthOf(record.userAgent) +
      lengthOf(record.userId) +
      lengthOf(extra);
    const most = MAX_OTHER_BYTES + MAX_BYTES_PER_UNIT * units;
    if (most <= this.chunk.length - this.end) return;
    this.cut();
    this.chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, most));
    this.end = 0;
    this.ends = [];
    this.taken = 0;
  }

  /** Ends a view: what comes next in the same memory is in another one. */
  private cut(): void {
    if (this.ends.length === this.taken) return;
    this.full.push(new Lines(this.chunk, this.ends, 0, this.taken, this.ends.length));
    this.taken = this.ends.length;
  }

  private byte(byte: number): void {
    this.chunk[this.end] = byte;
    this.end += 1;
  }

  private tab(): void {
    this.byte(TAB);
  }

  private null(): void {
    this.byte(BACKSLASH);
    this.byte(CAPITAL_N);
  }

  private nullable(text: string | null): void {
    if (text === null) this.null();
    else this.text(text);
  }

  private text(text: string): void {
    const { length } = text;
    if (length > LONG_UNITS) {
      this.longText(text);
      return;
    }
    const { chunk } = this;
    let { end } = this;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit < SPACE || unit === BACKSLASH || unit >= DELETE) {
        this.escaped(text);
        return;
      }
      chunk[end] = unit;
      end += 1;
    }
    this.end = end;
  }

  private longText(text: string): void {
    if (NOT_PLAIN.test(text)) this.escaped(text);
    else this.end += this.chunk.write(text, this.end, 'latin1');
  }

  private escaped(text: string): void {
    this.end += this.chunk.write(
      text.replace(SPECIAL, (found) => ESCAPES[found]!),
      this.end,
    );
  }

  /** ISO 8601, in UTC. Requests of one second share its text. */
  private time(epochMs: number): void {
    if (!(epochMs >= 0 && epochMs < LONG_YEARS_MS)) {
      this.text(new Date(epochMs).toISOString());
      return;
    }
    const ms = Math.trunc(epochMs);
    const rest = ms % 1_000;
    if (ms - rest !== this.secondMs) {
      this.secondMs = ms - rest;
      this.second.write(new Date(ms).toISOString(), 0, SECOND_LENGTH, 'latin1');
    }
    this.chunk.set(this.second, this.end);
    this.end += SECOND_LENGTH;
    this.byte(ZERO + Math.trunc(rest / 100));
    this.byte(ZERO + (Math.trunc(rest / 10) % 10));
    this.byte(ZERO + (rest % 10));
    this.byte(0x5a);
  }

  private address(ip: IpAddress | null): void {
    if (ip === null) {
      this.null();
    } else if (ip.family === 4) {
      this.number(ip.w0 >>> 24);
      this.byte(DOT);
      this.number((ip.w0 >>> 16) & 0xff);
      this.byte(DOT);
      this.number((ip.w0 >>> 8) & 0xff);
      this.byte(DOT);
      this.number(ip.w0 & 0xff);
    } else {
      this.text(ip.toString());
    }
  }

  private number(value: number): void {
    // Beyond it `| 0` is no division any more, and nothing that is counted here comes near.
    if (!Number.isInteger(value) || value < 0 || value > 0x7fff_ffff) {
      this.text(String(value));
      return;
    }
    let digits = 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits += 1;
    this.end += digits;
    let at = this.end;
    let rest = value;
    do {
      const tenth = (rest / 10) | 0;
      at -= 1;
      this.chunk[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    } while (rest > 0);
  }
}

/** Records as lines. */
export function linesOf(records: readonly PlacedRecord[]): Lines {
  const writer = new LineWriter();
  for (const record of records) writer.add(record);
  return Lines.joined(writer.take());
}

function lengthOf(text: string | null): number {
  return text === null ? 0 : text.length;
}
