import { describe, expect, it } from 'vitest';
import { hasAny, isDigit, isSpace, isWordChar, placeOf, skipSpaces } from './payload-text.js';

describe('characters', () => {
  const ascii = Array.from({ length: 128 }, (_, c) => c);
  const those = (isOne: (c: number) => boolean) =>
    String.fromCharCode(...ascii.filter((c) => isOne(c)));

  it('of words are those of names', () => {
    expect(those(isWordChar)).toBe('0123456789_abcdefghijklmnopqrstuvwxyz');
  });

  it('of numbers are digits', () => {
    expect(those(isDigit)).toBe('0123456789');
  });

  it('between words are white space, and the plus sign of a query', () => {
    expect(those(isSpace)).toBe('\t\n\v\f\r +');
  });

  it.each([
    ['  x', 0, 2],
    ['x  ', 1, 3],
    ['x', 0, 0],
    ['', 0, 0],
  ])('that are spaces are skipped in %j from %i', (text, at, end) => {
    expect(skipSpaces(text, at)).toBe(end);
  });
});

describe('the place', () => {
  it.each([
    ['q', 'prose'],
    ['$filter', 'prose'],
    ['cmd', 'command'],
    ['c', 'command'],
    ['id', 'value'],
    ['', 'value'],
  ])('of the parameter %j is a %s', (name, place) => {
    expect(placeOf(name)).toBe(place);
  });
});

describe('hasAny', () => {
  it.each([
    ['abc', ['x', 'b'], 0, true],
    ['abc', ['b'], 1, true],
    ['abc', ['b'], 2, false],
    ['abc', [], 0, false],
  ])('of %j looks for %j from %i: %s', (text, parts, at, isThere) => {
    expect(hasAny(text, parts, at)).toBe(isThere);
  });
});
