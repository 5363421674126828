import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storableText } from './storable-text.js';

describe('storableText', () => {
  it.each([
    { name: 'leaves text alone', text: 'Grüße, 世界 🙂', max: 100, expected: 'Grüße, 世界 🙂' },
    { name: 'keeps what is as long as allowed', text: 'abc', max: 3, expected: 'abc' },
    { name: 'cuts what is longer', text: 'abcd', max: 3, expected: 'abc' },
    { name: 'counts code points', text: '🙂🙂🙂', max: 3, expected: '🙂🙂🙂' },
    { name: 'cuts between code points', text: 'a🙂🙂', max: 2, expected: 'a🙂' },
    { name: 'replaces NUL', text: 'a\0b\0', max: 9, expected: 'a\uFFFDb\uFFFD' },
    { name: 'replaces a lone high surrogate', text: 'a\uD83D', max: 9, expected: 'a\uFFFD' },
    { name: 'replaces a lone low surrogate', text: '\uDE42b', max: 9, expected: '\uFFFDb' },
    {
      name: 'keeps other control characters',
      text: '\u0001\u001b\n',
      max: 9,
      expected: '\u0001\u001b\n',
    },
    { name: 'cuts to nothing', text: 'a', max: 0, expected: '' },
    { name: 'takes nothing', text: '', max: 5, expected: '' },
  ])('$name', ({ text, max, expected }) => {
    expect(storableText(text, max)).toBe(expected);
  });

  it('does to any text what going over its code points does', () => {
    const unit = fc.constantFrom('a', 'é', '世', '🙂', '\0', '\uD83D', '\uDE42', '\uFFFD');
    fc.assert(
      fc.property(fc.string({ unit }), fc.nat(20), (text, max) => {
        const naive = [...text]
          .map((point) => (/^[\0\uD800-\uDFFF]$/.test(point) ? '\uFFFD' : point))
          .slice(0, max)
          .join('');
        expect(storableText(text, max)).toBe(naive);
      }),
      { numRuns: 10_000 },
    );
  });

  it('leaves nothing that PostgreSQL refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const stored = storableText(text, 50);
        expect(stored).not.toContain('\0');
        expect(Buffer.from(stored).toString()).toBe(stored);
      }),
      { numRuns: 1_000 },
    );
  });
});
