/**
 * The 128 bits that the last successful {@link readIp} left behind, as signed 32-bit words; IPv4 fills the first only.
 * One shared array instead of a returned object: reading an address is part of every request and of every header entry.
 */
export const readWords = new Int32Array(4);

const groups = new Uint16Array(8);

/** `0000:0000:0000:0000:0000:ffff:255.255.255.255`, the longest text an address has without a zone. */
const LONGEST_TEXT = 45;
const LONGEST_V4_TEXT = 15;
const COLON = 58;
const DOT = 46;

/**
 * Reads `text[start, end)` as exactly one address and leaves its bits in {@link readWords}, as they are written: an
 * IPv4-mapped address is still 6 here. Returns 0 where the text is anything else. The work is bounded by the longest
 * text an address can have, so a header of 64 KB costs no more than a short one.
 */
export function readIp(text: string, start: number, end: number): 0 | 4 | 6 {
  const length = end - start;
  if (length < 2 || length > LONGEST_TEXT) return 0;
  // The first group or octet ends within four characters, so its separator tells the family.
  for (let i = start, stop = Math.min(end, start + 5); i < stop; i++) {
    const c = text.charCodeAt(i);
    if (c === DOT) return readV4(text, start, end) ? 4 : 0;
    if (c === COLON) return readV6(text, start, end) ? 6 : 0;
  }
  return 0;
}

/**
 * Four decimal octets, no leading zero: RFC 3986 section 3.2.2 `dec-octet`. What inet_aton also takes (`0x7f.1`,
 * `012.1.2.3`, `127.1`, `2130706433`) is refused, because two readers that disagree about such a text are how a
 * blocked address gets in.
 */
function readV4(text: string, start: number, end: number): boolean {
  if (end - start > LONGEST_V4_TEXT) return false;
  let address = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === DOT) {
      if (digits === 0 || dots === 3) return false;
      address = (address << 8) | octet;
      dots++;
      octet = 0;
      digits = 0;
    } else {
      if (c < 48 || c > 57) return false;
      if (digits !== 0 && octet === 0) return false;
      octet = octet * 10 + (c - 48);
      if (octet > 255) return false;
      digits++;
    }
  }
  if (dots !== 3 || digits === 0) return false;
  readWords[0] = (address << 8) | octet;
  readWords[1] = 0;
  readWords[2] = 0;
  readWords[3] = 0;
  return true;
}

/** RFC 4291 section 2.2, all three forms; `::` stands for one group of zeros or more. No zone (RFC 4007). */
function readV6(text: string, start: number, end: number): boolean {
  let count = 0;
  let gap = -1;
  let i = start;
  if (text.charCodeAt(start) === COLON) {
    if (text.charCodeAt(start + 1) !== COLON) return false;
    gap = 0;
    i = start + 2;
  }
  while (i < end) {
    if (count === 8) return false;
    const groupStart = i;
    let group = 0;
    let c = 0;
    for (; i < end; i++) {
      c = text.charCodeAt(i);
      const digit = c < 128 ? hexDigits[c]! : -1;
      if (digit < 0) break;
      if (i - groupStart === 4) return false;
      group = (group << 4) | digit;
    }
    if (i < end && c === DOT) {
      if (count > 6 || !readV4(text, groupStart, end)) return false;
      groups[count++] = readWords[0]! >>> 16;
      groups[count++] = readWords[0]! & 0xffff;
      break;
    }
    if (i === groupStart) return false;
    groups[count++] = group;
    if (i === end) break;
    if (c !== COLON) return false;
    i++;
    if (i === end) return false;
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      i++;
    }
  }
  if (gap < 0) {
    if (count !== 8) return false;
  } else {
    if (count === 8) return false;
    const tail = count - gap;
    for (let k = 1; k <= tail; k++) groups[8 - k] = groups[count - k]!;
    for (let k = gap; k < 8 - tail; k++) groups[k] = 0;
  }
  readWords[0] = (groups[0]! << 16) | groups[1]!;
  readWords[1] = (groups[2]! << 16) | groups[3]!;
  readWords[2] = (groups[4]! << 16) | groups[5]!;
  readWords[3] = (groups[6]! << 16) | groups[7]!;
  return true;
}

/** The value of a hexadecimal digit by its character code. A table, because the next digit is nobody's guess. */
const hexDigits = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  hexDigits[digit.toString(16).charCodeAt(0)] = digit;
  hexDigits[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** The dotted text of an IPv4 address given as a 32-bit integer, signed or not. */
export function v4Text(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/**
 * The RFC 5952 text of an IPv6 address: lower case, no leading zeros, the longest run of two zero groups or more
 * (the first of equals) as `::`. Always hexadecimal, also for prefixes that embed an IPv4 address (section 5 leaves
 * the choice), so that one address has one text.
 */
export function v6Text(w0: number, w1: number, w2: number, w3: number): string {
  groups[0] = w0 >>> 16;
  groups[1] = w0;
  groups[2] = w1 >>> 16;
  groups[3] = w1;
  groups[4] = w2 >>> 16;
  groups[5] = w2;
  groups[6] = w3 >>> 16;
  groups[7] = w3;
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    i = end;
  }
  let text = '';
  let separator = '';
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      text += '::';
      separator = '';
      i += runLength - 1;
    } else {
      text += separator + groups[i]!.toString(16);
      separator = ':';
    }
  }
  return text;
}
