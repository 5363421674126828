import { describe, expect, it } from 'vitest';
import { parseIp } from './ip-address.js';
import { isProviderEdge } from './provider-edges.js';

describe('isProviderEdge', () => {
  it.each([
    ['173.245.48.9', true],
    ['2606:4700::9', true],
    ['151.101.1.9', true],
    ['2a04:4e42::9', true],
    ['35.191.4.5', true],
    ['2600:2d00:1:1::9', true],
    ['192.0.2.1', false],
    ['2001:db8::1', false],
  ])('%s: %s', (text, expected) => {
    expect(isProviderEdge(parseIp(text)!)).toBe(expected);
  });
});
