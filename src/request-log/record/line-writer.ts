import type { IpAddress } from '../../net/ip-address.js';
import { Lines } from './lines.js';
import type { LogRecord } from './request-record.js';

/** Memory is taken by this many bytes: some hundred lines. */
const CHUNK_BYTES = 64 * 1_024;
/** A byte takes four at most: a control character is written as `\x1e`, and a unit of UTF-16 in three bytes. */
const MAX_BYTES_PER_UNIT = 4;
/** What all that is no text takes at most: the tabs, a time, an address, five numbers, a flag and `\N`s. */
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
const CAPITAL_Z = 0x5a;
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
  add(record: LogRecord): void {
    const extra =
      record.extra === undefined || record.extra === null ? null : JSON.stringify(record.extra);
    this.makeRoom(record, extra);
    this.write(record, extra);
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
  private write(record: LogRecord, extra: string | null): void {
    const { chunk } = this;
    let at = this.end;
    at = tab(chunk, text(chunk, at, record.id));
    at = tab(chunk, this.time(chunk, at, record.timestampMs));
    at = tab(chunk, address(chunk, at, record.ip));
    at = tab(chunk, text(chunk, at, record.ipSource));
    at = tab(chunk, text(chunk, at, record.method));
    at = tab(chunk, text(chunk, at, record.path));
    at = tab(chunk, nullable(chunk, at, record.route));
    at = tab(chunk, number(chunk, at, record.status));
    at = tab(chunk, text(chunk, at, record.outcome));
    at = tab(chunk, number(chunk, at, record.durationUs));
    at = tab(chunk, nullable(chunk, at, record.country));
    at = tab(chunk, nullable(chunk, at, record.city));
    at = tab(chunk, nullable(chunk, at, record.userAgent));
    at = tab(chunk, nullable(chunk, at, record.userId));
    chunk[at] = record.sensitive ? SMALL_T : SMALL_F;
    at = tab(chunk, at + 1);
    at = record.ruleId === null ? none(chunk, at) : number(chunk, at, record.ruleId);
    at = nullable(chunk, tab(chunk, at), record.reason);
    at = number(chunk, tab(chunk, at), record.repeats);
    at = tab(chunk, nullable(chunk, tab(chunk, at), extra));
    at = record.signals === null ? none(chunk, at) : number(chunk, at, record.signals);
    at = nullable(chunk, tab(chunk, at), record.attemptedUser);
    chunk[at] = NEWLINE;
    this.end = at + 1;
  }

  /** ISO 8601, in UTC. Requests of one second share its text. */
  private time(chunk: Buffer, at: number, epochMs: number): number {
    if (!(epochMs >= 0 && epochMs < LONG_YEARS_MS)) {
      return text(chunk, at, new Date(epochMs).toISOString());
    }
    const ms = Math.trunc(epochMs);
    const rest = ms % 1_000;
    if (ms - rest !== this.secondMs) {
      this.secondMs = ms - rest;
      this.second.write(new Date(ms).toISOString(), 0, SECOND_LENGTH, 'latin1');
    }
    const { second } = this;
    for (let index = 0; index < SECOND_LENGTH; index += 1) chunk[at + index] = second[index]!;
    const end = at + SECOND_LENGTH;
    chunk[end] = ZERO + Math.trunc(rest / 100);
    chunk[end + 1] = ZERO + (Math.trunc(rest / 10) % 10);
    chunk[end + 2] = ZERO + (rest % 10);
    chunk[end + 3] = CAPITAL_Z;
    return end + 4;
  }

  private makeRoom(record: LogRecord, extra: string | null): void {
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
      lengthOf(record.reason) +
      lengthOf(record.attemptedUser) +
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
    this.full.push(new Lines(this.chunk, this.ends, this.taken, this.ends.length));
    this.taken = this.ends.length;
  }
}

// Each of these writes something at a place, and gives the place behind it.

function tab(chunk: Buffer, at: number): number {
  chunk[at] = TAB;
  return at + 1;
}

function none(chunk: Buffer, at: number): number {
  chunk[at] = BACKSLASH;
  chunk[at + 1] = CAPITAL_N;
  return at + 2;
}

function nullable(chunk: Buffer, at: number, value: string | null): number {
  return value === null ? none(chunk, at) : text(chunk, at, value);
}

function text(chunk: Buffer, at: number, value: string): number {
  const { length } = value;
  if (length > LONG_UNITS) return longText(chunk, at, value);
  for (let index = 0; index < length; index += 1) {
    const unit = value.charCodeAt(index);
    if (unit < SPACE || unit === BACKSLASH || unit >= DELETE) return escaped(chunk, at, value);
    chunk[at + index] = unit;
  }
  return at + length;
}

function longText(chunk: Buffer, at: number, value: string): number {
  return NOT_PLAIN.test(value) ? escaped(chunk, at, value) : at + chunk.write(value, at, 'latin1');
}

function escaped(chunk: Buffer, at: number, value: string): number {
  return (
    at +
    chunk.write(
      value.replace(SPECIAL, (found) => ESCAPES[found]!),
      at,
    )
  );
}

function address(chunk: Buffer, at: number, ip: IpAddress | null): number {
  if (ip === null) return none(chunk, at);
  if (ip.family !== 4) return text(chunk, at, ip.toString());
  let end = dot(chunk, number(chunk, at, ip.w0 >>> 24));
  end = dot(chunk, number(chunk, end, (ip.w0 >>> 16) & 0xff));
  end = dot(chunk, number(chunk, end, (ip.w0 >>> 8) & 0xff));
  return number(chunk, end, ip.w0 & 0xff);
}

function dot(chunk: Buffer, at: number): number {
  chunk[at] = DOT;
  return at + 1;
}

function number(chunk: Buffer, at: number, value: number): number {
  // Beyond it `| 0` is no division any more, and nothing that is counted here comes near.
  if (!Number.isInteger(value) || value < 0 || value > 0x7fff_ffff) {
    return text(chunk, at, String(value));
  }
  let digits = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits += 1;
  let rest = value;
  for (let place = at + digits - 1; place >= at; place -= 1) {
    const tenth = (rest / 10) | 0;
    chunk[place] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + digits;
}

/** Records as lines. */
export function linesOf(records: readonly LogRecord[]): Lines {
  const writer = new LineWriter();
  for (const record of records) writer.add(record);
  return Lines.joined(writer.take());
}

function lengthOf(text: string | null): number {
  return text === null ? 0 : text.length;
}
