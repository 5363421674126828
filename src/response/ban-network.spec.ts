import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefix, type Prefix } from '../net/prefix.js';
import { networkToBan, widerNetwork } from './ban-network.js';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 0, 31);
const prefix = (text: string): Prefix => parsePrefix(text)!;

it.each([
  ['203.0.113.7', '203.0.113.7/32'],
  ['203.0.113.7/32', '203.0.113.7/32'],
  ['::ffff:203.0.113.7', '203.0.113.7/32'],
  ['::ffff:203.0.113.7/128', '203.0.113.7/32'],
  ['2001:db8::7', '2001:db8::/64'],
  ['2001:db8:0:0:1::/80', '2001:db8::/64'],
  ['2001:db8::/64', '2001:db8::/64'],
  // Wider than a client
  ['203.0.113.0/24', undefined],
  ['203.0.113.6/31', undefined],
  ['0.0.0.0/0', undefined],
  ['2001:db8::/63', undefined],
  ['2001:db8::/56', undefined],
  ['::/0', undefined],
  ['::ffff:0:0/96', undefined],
  // No client
  ['user:42', undefined],
  ['/login', undefined],
  ['', undefined],
])('for %j the network to ban is %s', (subject, expected) => {
  expect(networkToBan(subject)?.toString()).toBe(expected);
});

describe('a /56', () => {
  const bans = (...networks: string[]) =>
    networks.map((network, i) => ({ network: prefix(network), startedAtMs: NOW - i }));
  const of = (network: string, ...others: string[]) =>
    widerNetwork(prefix(network), bans(...others), NOW)?.toString();

  it('is suggested where four of its /64 are banned', () => {
    const three = ['2001:db8:0:101::/64', '2001:db8:0:102::/64', '2001:db8:0:1ff::/64'];
    expect(of('2001:db8:0:100::/64', ...three)).toBe('2001:db8:0:100::/56');
    expect(of('2001:db8:0:100::/64', ...three.slice(1))).toBeUndefined();
    // The same one twice, or one of another /56, is not a fourth.
    expect(of('2001:db8:0:101::/64', ...three)).toBeUndefined();
    expect(of('2001:db8:0:100::/64', ...three.slice(1), '2001:db8:0:200::/64')).toBeUndefined();
    expect(of('2001:db8:0:100::/64', ...three.slice(1), '2001:db8::/48')).toBeUndefined();
  });

  it('is suggested for what is banned within one hour', () => {
    const three = ['101', '102', '103'].map((part) => prefix(`2001:db8:0:${part}::/64`));
    const since = (ms: number) => three.map((network) => ({ network, startedAtMs: NOW - ms }));
    const network = prefix('2001:db8:0:100::/64');
    expect(widerNetwork(network, since(HOUR_MS - 1), NOW)).not.toBeNull();
    expect(widerNetwork(network, since(HOUR_MS), NOW)).toBeNull();
  });

  it('is never suggested for IPv4', () => {
    expect(
      of('203.0.113.1/32', '203.0.113.2/32', '203.0.113.3/32', '203.0.113.4/32'),
    ).toBeUndefined();
  });

  it('is suggested by a slow twin as well', () => {
    const network = fc
      .integer({ min: 0, max: 0x3ff })
      .map((n) => `2001:db8:0:${n.toString(16)}::/64`);
    const other = fc.record({ network, agoMs: fc.integer({ min: 0, max: 2 * HOUR_MS }) });
    fc.assert(
      fc.property(network, fc.array(other, { maxLength: 20 }), (text, others) => {
        const group = (one: string) => Number.parseInt(one.split(':')[3]!, 16) >> 8;
        const near = others.filter(
          (one) => one.agoMs < HOUR_MS && group(one.network) === group(text),
        );
        const count = new Set([text, ...near.map((one) => one.network)]).size;
        const found = widerNetwork(
          prefix(text),
          others.map((one) => ({ network: prefix(one.network), startedAtMs: NOW - one.agoMs })),
          NOW,
        );
        expect(found !== null).toBe(count >= 4);
      }),
    );
  });
});
