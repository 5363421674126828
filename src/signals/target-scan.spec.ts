import { describe, expect, it } from 'vitest';
import { MAX_TARGET } from './decoding.js';
import { MARK } from './marks.js';
import type { ProbePlace } from './probes/probe-entry.js';
import { SegmentFilter } from './segment-filter.js';
import { TargetScan } from './target-scan.js';

const listed = (text: string, place: ProbePlace) =>
  ({ text, place, group: 'exploits', why: '' }) as const;

function scanned(target: string, start = 0): TargetScan {
  const scan = new TargetScan(
    new SegmentFilter([
      listed('alpha', 'anywhere'),
      listed('one/two', 'anywhere'),
      listed('caf\xe9', 'anywhere'),
      listed('.tpl', 'suffix'),
    ]),
  );
  scan.read(target, start);
  return scan;
}

describe('the parts of a target', () => {
  it.each([
    ['/a', 0, 2, 2, 2, -1],
    ['/a?b', 0, 2, 3, 4, -1],
    ['/a#b', 0, 2, 3, 4, -1],
    ['/a?', 0, 2, 3, 3, -1],
    ['http://x/a.b?c.d', 8, 12, 13, 16, 10],
    ['/a.b/c', 0, 6, 6, 6, -1],
    ['/a.b.c', 0, 6, 6, 6, 4],
    ['', 0, 0, 0, 0, -1],
  ])('%j from %i', (target, start, pathEnd, queryStart, end, lastDot) => {
    expect(scanned(target, start)).toMatchObject({
      pathStart: start,
      pathEnd,
      queryStart,
      end,
      lastDot,
    });
  });

  it('are those of so many characters', () => {
    const { pathEnd, end } = scanned(`x/${'a'.repeat(MAX_TARGET)}`, 1);
    expect([pathEnd, end]).toEqual([MAX_TARGET + 1, MAX_TARGET + 1]);
  });
});

describe('the marks', () => {
  it.each<[string, number, number]>([
    ['/a', MARK.slash, 0],
    ['/\x80', MARK.slash | MARK.high, 0],
    ['/é/b', MARK.slash | MARK.high, 0],
    ['/a.b%', MARK.slash | MARK.dot | MARK.percent, 0],
    ['/?a', MARK.slash, 0],
    ['/?/=', MARK.slash, MARK.slash | MARK.equals],
    ['/?\x80', MARK.slash, MARK.high],
    ['/?é', MARK.slash, MARK.high],
  ])('of %j', (target, pathMarks, queryMarks) => {
    expect(scanned(target)).toMatchObject({ pathMarks, queryMarks });
  });

  it.each([
    ['/?..', true],
    ['/?a=../b', true],
    ['/?.a.', false],
    ['/?a.b', false],
    ['/?ab', false],
    ['/?', false],
    ['/a..b', false],
    ['/a..b?c', false],
  ])('of %j say that its query climbs: %s', (target, queryClimbs) => {
    expect(scanned(target).queryClimbs).toBe(queryClimbs);
  });

  it('are those of the last that was read', () => {
    const scan = scanned('/alpha.x?../a');
    scan.read('/a', 0);
    expect(scan).toMatchObject({
      lastDot: -1,
      queryMarks: 0,
      queryClimbs: false,
      isCandidate: false,
    });
  });
});

describe('a path is a candidate', () => {
  it.each([
    '/alpha',
    '/x/alpha/y',
    '/x/ALPHA?y',
    '/one/two',
    '/one//two',
    '/one/two/x',
    '/caf\xe9',
    '/x.tpl',
    '/x.tpl/y',
    // What is not as it is read.
    '/x./y',
    '/x.',
    '/x/..',
    '/x%2e',
    '/x\\y',
    '/x;y',
  ])('that is %j', (target) => {
    expect(scanned(target).isCandidate).toBe(true);
  });

  it.each([
    '/',
    '',
    '/x',
    '//x',
    '/x/y',
    '/x.y/z',
    '/two/one',
    '/x/two',
    '/caf\xe8',
    "/a+b(c)[d]$é'_=&:",
  ])('and none that is %j', (target) => {
    expect(scanned(target).isCandidate).toBe(false);
  });
});
