import { describe, expect, it } from 'vitest';

import { KeyedHash } from './keyed-hash.js';

// The key of the reference vectors (`vectors_hsip64` in SipHash's repository) is the bytes 00 01 ... 07.
const hash = new KeyedHash(0x03020100, 0x07060504);

function digest(text: string): string {
  hash.digest(text);
  const bytes = Buffer.alloc(8);
  bytes.writeInt32LE(hash.low, 0);
  bytes.writeInt32LE(hash.high, 4);
  return bytes.toString('hex');
}

/** The text whose UTF-16LE bytes are 00 01 02 ... */
function counting(length: number): string {
  return Buffer.from(Array.from({ length }, (_, i) => i)).toString('utf16le');
}

describe('KeyedHash', () => {
  it.each([
    { bytes: 0, expected: '218d1f59b9b83cc8' },
    { bytes: 2, expected: '064f39ef7c50eb57' },
    { bytes: 4, expected: 'd5e78a175be52ea1' },
    { bytes: 6, expected: 'ce3e91358aa2bc25' },
    { bytes: 8, expected: 'edfee820bce4858c' },
    { bytes: 10, expected: '95b0469f06a6f2ee' },
    { bytes: 12, expected: '7bc71f9faef5c799' },
  ])('gives the reference digest of $bytes bytes', ({ bytes, expected }) => {
    expect(digest(counting(bytes))).toBe(expected);
  });
});
