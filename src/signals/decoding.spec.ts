import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOnce, MAX_TARGET } from './decoding.js';

describe('decodeOnce', () => {
  it.each([
    ['', ''],
    ['/a/b-c_d.e~f', '/a/b-c_d.e~f'],
    ['/A/B', '/a/b'],
    ['/%41%6a', '/aj'],
    ['%2e%2E', '..'],
    ['%252e', '%2e'],
    ['%25252e', '%252e'],
    ['a+b', 'a+b'],
    ['%', '%'],
    ['%2', '%2'],
    ['%zz%2e', '%zz.'],
    ['%%32%65', '%2e'],
    ['%2%65', '%2e'],
    ['%00', '\0'],
    ['%0d%0A', '\r\n'],
    // One character for each byte: UTF-8 is not put together.
    ['%C3%A9', '\u00c3\u00a9'],
    ['é', 'é'],
    // Overlong forms of ASCII, of two to four bytes.
    ['%c0%ae%C0%AF', './'],
    ['%c1%9c', '\\'],
    ['%e0%80%ae', '.'],
    ['%f0%80%80%af', '/'],
    // What only begins like one stays bytes.
    ['%c0', '\u00c0'],
    ['%c0a', '\u00c0a'],
    ['%c0%2e', '\u00c0.'],
    ['%e0%a4%85', '\u00e0\u00a4\u0085'],
    ['%f0%9f%98%80', '\u00f0\u009f\u0098\u0080'],
    // As IIS reads them.
    ['%u002e%U002F', './'],
    ['%u0041', 'a'],
    ['%u3042', 'あ'],
    ['%u00', '%u00'],
    ['%u0000', '\0'],
    ['%u0080', '\u0080'],
    ['%u00g1', '%u00g1'],
    ['%u001g', '%u001g'],
    ['%z0041', '%z0041'],
    ['Z', 'z'],
    ['A\u0080é', 'a\u0080é'],
    ['%é1', '%é1'],
    ['%1é', '%1é'],
    ['%\u00801', '%\u00801'],
    // Overlong forms of the first and the last of ASCII, and what is behind it.
    ['%c0%80', '\0'],
    ['%c0%bf', '?'],
    ['%c1%bf', '\x7f'],
    ['%e0%82%80', '\u00e0\u0082\u0080'],
    ['%42%80%80%80', 'b\u0080\u0080\u0080'],
    ['%c0%ff', '\u00c0\u00ff'],
    ['%c0%7f', '\u00c0\x7f'],
    ['%c0xae', '\u00c0xae'],
  ])('reads %j as %j', (text, decoded) => {
    expect(decodeOnce(text, false)).toBe(decoded);
  });

  it('takes a plus sign for a space in a query alone', () => {
    expect(decodeOnce('a+b%2Bc', true)).toBe('a b+c');
    expect(decodeOnce('a+b%2Bc', false)).toBe('a+b+c');
    expect(decodeOnce('+', true)).toBe(' ');
  });

  it('looks at no more than it says', () => {
    expect(decodeOnce('a'.repeat(MAX_TARGET + 9), false)).toHaveLength(MAX_TARGET);
    expect(decodeOnce('%41'.repeat(MAX_TARGET), false)).toBe(`${'a'.repeat(2_730)}%4`);
  });

  it.each([
    ['%41', 3, 'a'],
    ['%41', 2, '%4'],
    ['%u0041', 6, 'a'],
    ['%u0041', 5, '%u004'],
    ['%c0%ae', 6, '.'],
    ['%c0%ae', 5, '\u00c0%a'],
    ['%c0%ae', 3, '\u00c0'],
  ])('reads of %s at its end the first %i characters', (text, room, end) => {
    const before = 'a'.repeat(MAX_TARGET - room);
    expect(decodeOnce(before + text, false)).toBe(before + end);
  });

  it('reads whatever is escaped properly as everybody does', () => {
    const ascii = fc.string({
      unit: fc.integer({ min: 0, max: 127 }).map((c) => String.fromCharCode(c)),
    });
    fc.assert(
      fc.property(ascii, (text) => {
        expect(decodeOnce(encodeURIComponent(text), false)).toBe(text.toLowerCase());
      }),
    );
  });
});
