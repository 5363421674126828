import { describe, expect, it } from 'vitest';
import { didYouMean } from './did-you-mean.js';

const words = ['socket', 'trusted-proxies', 'hops', 'header', 'preset'];

describe('didYouMean', () => {
  it.each([
    ['sokcet', 'socket'],
    ['sockets', 'socket'],
    ['Socket', 'socket'],
    ['hop', 'hops'],
    ['headers', 'header'],
    ['trustedproxies', 'trusted-proxies'],
    ['hops', 'hops'],
    ['cookie', undefined],
    ['', undefined],
    ['x'.repeat(1_000_000), undefined],
  ])('%.20s: %s', (word, expected) => {
    expect(didYouMean(word, words)).toBe(expected);
  });

  it('takes the nearest, and the first of equals', () => {
    expect(didYouMean('bat', ['cart', 'bar', 'cat'])).toBe('bar');
    expect(didYouMean('abcd', ['abxx', 'abcx'])).toBe('abcx');
  });

  it('does not guess where every word would do', () => {
    expect(didYouMean('xy', ['ab'])).toBeUndefined();
    expect(didYouMean('anything', [])).toBeUndefined();
  });
});
