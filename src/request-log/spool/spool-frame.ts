import { crc32 } from 'node:zlib';
import type { Lines } from '../record/lines.js';
import { LINE_COLUMNS } from '../record/record-line.js';

/**
 * Every record of a segment begins with this byte (ASCII's record separator), which no line holds: after damage the
 * next record is found by it.
 */
const START = 0x1e;
const NEWLINE = 0x0a;
const CHECKSUM_DIGITS = 8;
const HEADER_LENGTH = 1 + CHECKSUM_DIGITS;

/** The first line of a segment: the format, its version, and the columns of its records. */
export const SEGMENT_HEADER = Buffer.from(
  `nestjs-ip-tracking spool 1 ${LINE_COLUMNS.join(',')}\n`,
  'latin1',
);

/** Lines as the spool keeps them, each: its start, its CRC-32 in hexadecimal, the line, a newline. */
export function framesOf(lines: Lines): Buffer {
  const frames = Buffer.allocUnsafe(lines.bytes.length + lines.length * HEADER_LENGTH);
  let end = 0;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines.at(index);
    end = frames.writeUInt8(START, end);
    end += frames.write(crc32(line).toString(16).padStart(CHECKSUM_DIGITS, '0'), end, 'latin1');
    end += line.copy(frames, end);
    end = frames.writeUInt8(NEWLINE, end);
  }
  return frames;
}

/** What is found in a piece of a segment. */
export interface Frames {
  lines: string[];
  /** Records that are not whole. */
  torn: number;
  /** The bytes of those. */
  damaged: Buffer[];
  /** How many bytes were read; the rest may be the beginning of a record. */
  consumed: number;
}

/**
 * Reads the records of a piece of a segment that begins with one. Whatever has happened to the bytes, a record whose
 * checksum holds is found, and what is left over is counted.
 *
 * @param isEnd whether the segment ends with this piece, so that an unfinished record stays one.
 */
export function readFrames(bytes: Buffer, isEnd: boolean): Frames {
  const found: Frames = { lines: [], torn: 0, damaged: [], consumed: 0 };
  while (found.consumed < bytes.length) {
    const next = bytes.indexOf(START, found.consumed + 1);
    if (next === -1 && !isEnd) break;
    const end = next === -1 ? bytes.length : next;
    if (!isLostNewline(bytes, found.consumed, end)) {
      readPiece(bytes.subarray(found.consumed, end), found);
    }
    found.consumed = end;
  }
  return found;
}

/** One byte alone is what a newline has become, unless the record before it has its own. */
function isLostNewline(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 1 && start > 0 && bytes[start - 1] !== NEWLINE;
}

/** A piece is one record, unless a byte was changed that begins or ends one. */
function readPiece(piece: Buffer, found: Frames): void {
  const line = lineIn(piece);
  if (line !== null) {
    found.lines.push(line);
    return;
  }
  let damagedFrom = -1;
  for (let start = 0; start < piece.length;) {
    const newline = piece.indexOf(NEWLINE, start);
    const end = newline === -1 ? piece.length : newline + 1;
    const inner = lineIn(piece.subarray(start, end));
    if (inner === null) {
      if (damagedFrom === -1) damagedFrom = start;
    } else {
      if (damagedFrom !== -1) setAside(piece.subarray(damagedFrom, start), found);
      found.lines.push(inner);
      damagedFrom = -1;
    }
    start = end;
  }
  if (damagedFrom !== -1) setAside(piece.subarray(damagedFrom), found);
}

/** Damage goes up to a newline: a record in which a byte has become {@link START} comes here twice, and is one. */
function setAside(bytes: Buffer, found: Frames): void {
  const last = found.damaged.at(-1);
  const isSame =
    last !== undefined &&
    last.at(-1) !== NEWLINE &&
    last.buffer === bytes.buffer &&
    last.byteOffset + last.length === bytes.byteOffset;
  if (isSame) {
    found.damaged[found.damaged.length - 1] = Buffer.from(
      last.buffer,
      last.byteOffset,
      last.length + bytes.length,
    );
    return;
  }
  found.torn += 1;
  found.damaged.push(bytes);
}

/** The line of one whole record, whatever its first and its last byte have become; null where its checksum fails. */
function lineIn(frame: Buffer): string | null {
  if (frame.length <= HEADER_LENGTH) return null;
  const expected = Number.parseInt(frame.toString('latin1', 1, HEADER_LENGTH), 16);
  // The newline is there, or has become another byte, or was never written.
  for (const end of [frame.length - 1, frame.length]) {
    const line = frame.subarray(HEADER_LENGTH, end);
    if (crc32(line) === expected) return line.toString('utf8');
  }
  return null;
}
