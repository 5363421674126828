import { describe, expect, it } from 'vitest';
import { endingOf, isAssetEnding, isHtml, isServedAsset, mayBePage } from './asset.js';

describe('endingOf', () => {
  it.each([
    ['/a.css', 2, 6, 'css'],
    ['/a.CSS', 2, 6, 'css'],
    ['/a.webmanifest', 2, 14, 'webmanifest'],
    ['/a.webmanifests', 2, 15, ''],
    ['/a.js?v=1.2', 2, 5, 'js'],
    ['/a.c', 2, 4, ''],
    ['/a.', 2, 3, ''],
    ['.css', 0, 4, 'css'],
    ['css', -1, 3, ''],
  ])('of %j with its last dot at %i, up to %i, is %j', (target, lastDot, end, ending) => {
    expect(endingOf(target, lastDot, end)).toBe(ending);
  });
});

describe('a type', () => {
  it.each([
    ['text/html', true],
    ['Text/HTML; charset=utf-8', true],
    ['text/HTML', true],
    [' text/html', true],
    ['application/xhtml+xml', true],
    ['application/json', false],
    ['x text/html', false],
    ['', false],
  ])('%j is that of a page: %s', (type, isOne) => {
    expect(isHtml(type)).toBe(isOne);
    expect(mayBePage(type)).toBe(isOne);
  });

  it('that nobody knows may be that of a page', () => {
    expect(mayBePage(null)).toBe(true);
  });

  it.each([
    ['audio/mpeg', true],
    ['application/javascript; charset=utf-8', true],
    ['font/woff2', true],
    ['image/png', true],
    ['IMAGE/PNG', true],
    [' image/png', true],
    ['text/css; charset=utf-8', true],
    ['text/CSS', true],
    ['text/javascript; charset=utf-8', true],
    ['video/mp4', true],
    ['application/json', false],
    ['application/zip', false],
    ['audio', false],
    ['fonts/woff2', false],
    ['inode/x', false],
    ['text/plain', false],
    ['text/html', false],
    ['vnd/x', false],
    ['x/image/png', false],
    ['', false],
  ])('%j is that of an asset without an ending: %s', (type, isOne) => {
    expect(isServedAsset('GET', 200, type, false)).toBe(isOne);
  });
});

describe('an asset with an ending', () => {
  it.each<[string, number, string | null, boolean]>([
    ['GET', 200, 'application/octet-stream', true],
    ['HEAD', 200, 'image/png', true],
    ['GET', 304, null, true],
    ['GET', 200, 'text/html', false],
    ['GET', 200, 'application/json; charset=utf-8', false],
    ['POST', 200, 'image/png', false],
    ['GET', 404, 'image/png', false],
  ])('by %s with %i, of the type %j, was served: %s', (method, status, type, isOne) => {
    expect(isServedAsset(method, status, type, true)).toBe(isOne);
  });

  it('is told from what has none where nobody knows the type', () => {
    expect(isServedAsset('GET', 200, null, false)).toBe(false);
    expect(isAssetEnding('woff2')).toBe(true);
    expect(isAssetEnding('zip')).toBe(false);
  });
});
