import { describe, expect, it } from 'vitest';
import { parseIp } from './ip-address.js';
import { parsePrefix } from './prefix.js';
import {
  classify,
  isLocal,
  isLoopback,
  isPrivateOrSpecial,
  isUnspecified,
  NAMED_RANGES,
} from './special-ranges.js';

describe('classify', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['0.0.0.1', 'reserved'],
    ['1.0.0.0', 'global'],
    ['9.255.255.255', 'global'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', 'global'],
    ['100.63.255.255', 'global'],
    ['100.64.0.0', 'shared'],
    ['100.127.255.255', 'shared'],
    ['100.128.0.0', 'global'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['172.15.255.255', 'global'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'global'],
    ['192.0.0.1', 'protocol'],
    ['192.0.2.1', 'documentation'],
    ['192.168.255.255', 'private'],
    ['192.169.0.0', 'global'],
    ['198.18.0.0', 'benchmarking'],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.7', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::2', 'global'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:10.0.0.1', 'private'],
    ['64:ff9b::1.2.3.4', 'global'],
    ['64:ff9b:1::1', 'private'],
    ['100::1', 'discard'],
    ['2001:2::1', 'benchmarking'],
    ['2001:db8::1', 'documentation'],
    ['2606:4700::1111', 'global'],
    ['3fff::1', 'documentation'],
    ['fbff::', 'global'],
    ['fc00::', 'unique-local'],
    ['fdff:ffff::', 'unique-local'],
    ['fe80::1', 'link-local'],
    ['febf::', 'link-local'],
    ['fec0::', 'reserved'],
    ['ff02::1', 'multicast'],
  ])('%s is %s', (text, kind) => {
    const ip = parseIp(text)!;
    expect(classify(ip)).toBe(kind);
    expect(isPrivateOrSpecial(ip)).toBe(kind !== 'global');
    expect(isLoopback(ip)).toBe(kind === 'loopback');
    expect(isUnspecified(ip)).toBe(kind === 'unspecified');
    expect(isLocal(ip)).toBe(
      ['loopback', 'private', 'unique-local', 'link-local', 'shared'].includes(kind),
    );
  });
});

describe('NAMED_RANGES', () => {
  it.each(Object.entries(NAMED_RANGES))('%s holds local prefixes only', (_name, ranges) => {
    for (const range of ranges) {
      const prefix = parsePrefix(range)!;
      expect(prefix.toString()).toBe(range);
      expect(isLocal(parseIp(range.split('/')[0]!)!)).toBe(true);
    }
  });
});
