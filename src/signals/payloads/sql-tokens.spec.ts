import { describe, expect, it } from 'vitest';
import { skipComparison, skipSigns, sqlTokensOf } from './sql-tokens.js';

/** Each token with the first letter of its kind: `w` a word, `n` a number, `q` a quote, `c` a comparison, `s` a sign. */
function shown(text: string): string {
  return sqlTokensOf(text)
    .map(({ kind, text: own }) => `${kind === 'comment' ? '' : `${kind[0]}:`}${own}`)
    .join(' ');
}

describe('sqlTokensOf', () => {
  it.each([
    ['', ''],
    ['1 or 1=1', 'n:1 w:or n:1 c:= n:1'],
    ['\'a"', 'q:\' w:a q:"'],
    ['a like b', 'w:a c:like w:b'],
    ['a<>b', 'w:a c:< c:> w:b'],
    // Signs that are doubled, and those that are not.
    ['a!=b', 'w:a c:!= w:b'],
    ['!a', 's:! w:a'],
    ['a|b', 'w:a s:| w:b'],
    ['a||b', 'w:a s:|| w:b'],
    ['a&b&&c', 'w:a s:& w:b s:&& w:c'],
    ['2*3', 'n:2 s:* n:3'],
    ['1-2', 'n:1 s:- n:2'],
    // Numbers, and words that begin like one.
    ['1.5', 'n:1.5'],
    ['10.25)', 'n:10.25 s:)'],
    ['1.a', 'n:1 s:. w:a'],
    ['0x0af9 or', 'n:0x0af9 w:or'],
    ['0x0g', 'w:0x0g'],
    ['x0x1', 'w:x0x1'],
    ['5th', 'w:5th'],
    // Words.
    ['@@version', 'w:@@version'],
    ['a@b', 'w:a@b'],
    ['v$session', 'w:v$session'],
    ['$a', 's:$ w:a'],
    // Comments that are closed are spaces, and so are those of one line that is not the last.
    ['a/**/b', 'w:a w:b'],
    ['/*/a*/b', 'w:b'],
    ['a/*b', 'w:a /*...'],
    ['a/*', 'w:a /*'],
    ['a/* -', 'w:a /*'],
    ['a*/b', 'w:a w:b'],
    ['/*!50000a*/b', 'w:a w:b'],
    ['/*!a', 'w:a'],
    ['a--b\nc', 'w:a w:c'],
    ['#\nc', 'w:c'],
    ['a--', 'w:a --'],
    ['a-- -', 'w:a --'],
    ['a-- b', 'w:a --...'],
    ['a#', 'w:a #'],
    ['a#b', 'w:a #...'],
  ])('reads %j as %j', (text, tokens) => {
    expect(shown(text)).toBe(tokens);
  });

  it('says where each begins', () => {
    expect(sqlTokensOf(" a/**/'1.5 !=||#").map(({ at }) => at)).toEqual([1, 6, 7, 11, 13, 15]);
  });

  it('reads so many, and no more', () => {
    expect(sqlTokensOf('a '.repeat(4_096))).toHaveLength(4_096);
    expect(sqlTokensOf('a '.repeat(4_097))).toHaveLength(4_096);
  });
});

describe('signs in a row', () => {
  const parentheses = sqlTokensOf(`a${'('.repeat(40)}`);

  it.each([
    [0, 0],
    [1, 33],
    [20, 41],
    [41, 41],
  ])('from %j are skipped up to %j', (at, end) => {
    expect(skipSigns(parentheses, at, '(')).toBe(end);
  });

  it.each([
    ['=1', 1],
    ['<>1', 2],
    ['<=>1', 3],
    ['====', 3],
    ['=', 1],
    ['1=', 0],
  ])('that compare are skipped in %j up to %j', (text, end) => {
    expect(skipComparison(sqlTokensOf(text), 0)).toBe(end);
  });
});
