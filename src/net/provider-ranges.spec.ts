import { describe, expect, it } from 'vitest';
import { parsePrefix } from './prefix.js';
import { CLOUDFLARE_RANGES, FASTLY_RANGES, GOOGLE_FRONT_END_RANGES } from './provider-ranges.js';

describe.each([
  ['Cloudflare', CLOUDFLARE_RANGES],
  ['Fastly', FASTLY_RANGES],
  ['Google Front End', GOOGLE_FRONT_END_RANGES],
])('the ranges of %s', (_name, ranges) => {
  it('are canonical, narrow and of both families', () => {
    const prefixes = ranges.prefixes.map((text) => parsePrefix(text)!);
    expect(prefixes.map(String)).toEqual(ranges.prefixes);
    expect(new Set(ranges.prefixes).size).toBe(ranges.prefixes.length);
    expect(prefixes.every(({ family, length }) => length >= (family === 4 ? 8 : 16))).toBe(true);
    expect(new Set(prefixes.map(({ family }) => family))).toEqual(new Set([4, 6]));
  });

  it('say where and when they were copied', () => {
    expect(ranges.source).toMatch(/^https:\/\//);
    expect(new Date(ranges.copiedOn).toISOString().slice(0, 10)).toBe(ranges.copiedOn);
  });
});
