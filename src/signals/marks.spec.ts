import { describe, expect, it } from 'vitest';
import { fold, MARK, marksOf } from './marks.js';

describe('marksOf', () => {
  it.each<[string, number]>([
    ['', 0],
    ['abcXYZ019-~', 0],
    ['/a', MARK.slash],
    ['a%2e', MARK.percent],
    [`'"`, MARK.quote],
    ['<', MARK.angle],
    ['}', MARK.brace],
    ['|', MARK.command],
    ['\n', MARK.command | MARK.control | MARK.space],
    ['\t', MARK.control | MARK.space],
    ['\0', MARK.control],
    ['\x1f', MARK.control],
    [' ', MARK.space],
    ['\x7f', MARK.control],
    ['\x80', MARK.high],
    ['aé/', MARK.high | MARK.slash],
  ])('of %j', (text, marks) => {
    expect(marksOf(text)).toBe(marks);
  });

  it('of a part of a text', () => {
    expect(marksOf('/%+', 1, 2)).toBe(MARK.percent);
  });
});

describe('fold', () => {
  it.each([
    ['', ''],
    ['abc', 'abc'],
    ['AZaz', 'azaz'],
    ['@A[Z', '@a[z'],
    ['xAyBz', 'xaybz'],
    ['ÄAé', 'Äaé'],
    ['\x80K', '\x80k'],
  ])('makes %j %j', (text, folded) => {
    expect(fold(text)).toBe(folded);
  });
});
