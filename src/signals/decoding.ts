/** How much of a target is looked at, in characters: what stands behind it is not. */
export const MAX_TARGET = 8_192;

const PERCENT = 37;
const PLUS = 43;
const SPACE = 32;
const LETTER_U = 117;

/** The value of a hexadecimal digit by its character; 255 for what is none. */
const HEX = new Uint8Array(128).fill(255);
for (let value = 0; value < 16; value++) {
  HEX[value.toString(16).charCodeAt(0)] = value;
  HEX[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

/** Lower case of ASCII; everything else is itself. */
export const FOLD = Uint8Array.from({ length: 128 }, (_, c) => (c >= 65 && c <= 90 ? c + 32 : c));

const decoded = new Uint16Array(MAX_TARGET);

/**
 * A text with its percent-escapes decoded once, in lower case (ASCII), cut at {@link MAX_TARGET}. Bytes above ASCII
 * become one character each: what is searched for is ASCII. So that no spelling escapes, overlong UTF-8 (`%c0%ae`, which
 * RFC 3629 section 3 forbids) and `%u002e`, which IIS knows, become what lax decoders make of them. A malformed escape
 * stays as it is.
 *
 * @param isQuery a plus sign is a space there.
 */
export function decodeOnce(text: string, isQuery: boolean): string {
  const end = Math.min(text.length, MAX_TARGET);
  const first = firstChange(text, end, isQuery);
  if (first === end) return text.slice(0, end);
  let length = 0;
  for (let i = first; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === PERCENT) {
      const byte = byteAt(text, i, end);
      if (byte >= 0) {
        i += 2;
        const extra = overlongLength(byte);
        const folded = extra === 0 ? -1 : overlongAt(text, i + 1, end, byte, extra);
        if (folded < 0) {
          decoded[length++] = byte < 128 ? FOLD[byte]! : byte;
        } else {
          i += 3 * extra;
          decoded[length++] = FOLD[folded]!;
        }
        continue;
      }
      const unit = unitAt(text, i, end);
      if (unit >= 0) {
        i += 5;
        decoded[length++] = unit < 128 ? FOLD[unit]! : unit;
        continue;
      }
    }
    decoded[length++] = c === PLUS && isQuery ? SPACE : c < 128 ? FOLD[c]! : c;
  }
  // Its parameters are the characters: no array in between, and nothing for each character.
  const rest = String.fromCharCode.apply(null, decoded.subarray(0, length) as unknown as number[]);
  return text.slice(0, first) + rest;
}

/** The first character that does not stay as it is; `end` where all do. */
function firstChange(text: string, end: number, isQuery: boolean): number {
  for (let i = 0; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === PERCENT || (c === PLUS && isQuery) || (c >= 65 && c <= 90)) return i;
  }
  return end;
}

/** The byte of `%XX` at `at`, or -1. */
function byteAt(text: string, at: number, end: number): number {
  if (at + 2 >= end) return -1;
  const high = digit(text.charCodeAt(at + 1));
  const low = digit(text.charCodeAt(at + 2));
  return high === 255 || low === 255 ? -1 : (high << 4) | low;
}

/** The code unit of `%uXXXX` at `at`, or -1. */
function unitAt(text: string, at: number, end: number): number {
  if (at + 5 >= end || (text.charCodeAt(at + 1) | 32) !== LETTER_U) return -1;
  let unit = 0;
  for (let i = at + 2; i < at + 6; i++) {
    const value = digit(text.charCodeAt(i));
    if (value === 255) return -1;
    unit = (unit << 4) | value;
  }
  return unit;
}

function digit(c: number): number {
  return c < 128 ? HEX[c]! : 255;
}

/** How many bytes follow a first byte that can begin an overlong form of ASCII; 0 for none. */
function overlongLength(byte: number): number {
  if (byte === 0xc0 || byte === 0xc1) return 1;
  if (byte === 0xe0) return 2;
  return byte === 0xf0 ? 3 : 0;
}

/** The ASCII character whose overlong form goes on at `at`, or -1. */
function overlongAt(
  text: string,
  at: number,
  end: number,
  firstByte: number,
  extra: number,
): number {
  // Of those that more than one byte follow, the first has no bit of the character.
  let value = firstByte & 1;
  for (let i = 0; i < extra; i++) {
    const start = at + 3 * i;
    if (text.charCodeAt(start) !== PERCENT) return -1;
    const byte = byteAt(text, start, end);
    if (byte < 0x80 || byte > 0xbf) return -1;
    value = (value << 6) | (byte & 0x3f);
  }
  return value < 128 ? value : -1;
}
