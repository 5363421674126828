import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from './printable.js';

describe('printable', () => {
  it.each([
    ['text', 'GET /admin', 'GET /admin'],
    ['other scripts and emoji', 'Größe 世界 🙂', 'Größe 世界 🙂'],
    ['an escape sequence', '\u001b[31mred', '\\u{1b}[31mred'],
    ['the title of a terminal', '\u001b]0;x\u0007', '\\u{1b}]0;x\\u{7}'],
    ['the 8-bit form of an escape', '\u009b2J', '\\u{9b}2J'],
    ['line ends and tabs', 'a\r\nb\tc', 'a\\u{d}\\u{a}b\\u{9}c'],
    ['a deletion', 'ab\u0008\u007f', 'ab\\u{8}\\u{7f}'],
    ['a bidirectional override', 'a\u202egnp.exe', 'a\\u{202e}gnp.exe'],
    ['an isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['an invisible space', 'a\u200bb\ufeff', 'a\\u{200b}b\\u{feff}'],
    ['line and paragraph separators', 'a\u2028b\u2029', 'a\\u{2028}b\\u{2029}'],
    ['a tag beyond the first plane', '\u{e0041}', '\\u{e0041}'],
    ['private use', '\ue000', '\\u{e000}'],
    ['half an emoji', '\ud83d', '\\u{d83d}'],
    ['NUL', '\0', '\\u{0}'],
    ['nothing', '', ''],
  ])('shows %s', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('lets through nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
      }),
      { numRuns: 1_000 },
    );
  });
});
