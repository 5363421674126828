import { describe, expect, it } from 'vitest';
import type { ProbePlace } from './probes/probe-entry.js';
import { HASH_SEED, nextHash, SegmentFilter } from './segment-filter.js';

const hashOf = (text: string) =>
  [...text].reduce((hash, character) => nextHash(hash, character.charCodeAt(0)), HASH_SEED);

/** Which segments of a path may begin an entry, or end one. */
function met(texts: readonly string[], path: string, place: ProbePlace = 'anywhere'): string[] {
  const filter = new SegmentFilter(
    texts.map((text) => ({ text, place, group: 'exploits', why: '' })),
  );
  const segments = path.split('/');
  let start = 0;
  return segments.filter((segment, i) => {
    const before = i === 0 ? 0 : hashOf(segments[i - 1]!);
    const dot = segment.lastIndexOf('.');
    const [from, end] = [start, start + segment.length];
    start = end + 1;
    return filter.mayMeet(path, from, end, hashOf(segment), before, dot < 0 ? -1 : from + dot);
  });
}

describe('of a path are met', () => {
  it.each<[string[], string, string[]]>([
    [['alpha'], 'x/alpha/y', ['alpha']],
    [['alpha'], 'x/ALPHA', ['ALPHA']],
    [['alpha'], 'alphas/alph/y', []],
    // Of several segments, the last two in a row that have no wildcard.
    [['alpha/beta/gamma'], 'alpha/beta/gamma', ['gamma']],
    [['alpha/beta/gamma'], 'alpha/gamma/beta', []],
    [['alpha/beta/gamma*'], 'alpha/beta/gamma', ['beta']],
    [['alpha/beta*'], 'alpha/beta', ['alpha']],
    [['alpha/beta*/gamma'], 'alpha/beta/gamma', ['alpha']],
    [['alpha*/beta/gamma'], 'alpha/beta/gamma', ['gamma']],
    [['alpha*/beta'], 'alphas/beta', ['alphas']],
    // Wildcards, of which eight characters are compared.
    [['abcd*'], 'abcd/abcdef/abc/abcx/xabcd', ['abcd', 'abcdef']],
    [['abcdef*'], 'abcd/abcde/abcdef/abcdefghi/abcdxx', ['abcdef', 'abcdefghi']],
    [['abcdefghijkl*'], 'abcdefg/abcdefgh/abcdefghx', ['abcdefgh', 'abcdefghx']],
  ])('of %j in %s', (texts, path, segments) => {
    expect(met(texts, path)).toEqual(segments);
  });

  it.each<[string, string[]]>([
    ['x.php/.php/y.PHP', ['x.php', '.php', 'y.PHP']],
    ['php/x.css/x.php5/php.x', []],
  ])('suffixes in %s', (path, segments) => {
    expect(met(['.php'], path, 'suffix')).toEqual(segments);
  });

  it('agents never', () => {
    expect(met(['evilbot'], 'evilbot', 'agent')).toEqual([]);
  });

  it('wildcards no further than the segment goes', () => {
    const filter = new SegmentFilter([
      { text: 'abcd*', place: 'anywhere', group: 'exploits', why: '' },
      { text: 'mnopqr*', place: 'anywhere', group: 'exploits', why: '' },
    ]);
    expect(filter.mayMeet('xxabcd', 2, 5, hashOf('abc'), 0, -1)).toBe(false);
    expect(filter.mayMeet('xxabcd', 2, 6, hashOf('abcd'), 0, -1)).toBe(true);
    expect(filter.mayMeet('mnopqr', 0, 5, hashOf('mnopq'), 0, -1)).toBe(false);
  });
});

describe('the hash', () => {
  it('is the same of capitals, and another of other characters', () => {
    expect(nextHash(HASH_SEED, 65)).toBe(nextHash(HASH_SEED, 97));
    const codes = [0, 64, 97, 128, 0xe8, 0xe9, 0x3042];
    expect(new Set(codes.map((code) => nextHash(HASH_SEED, code))).size).toBe(codes.length);
  });
});
