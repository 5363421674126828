import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parsePrefix, Prefix } from '../net/prefix.js';
import { networkToBan } from './ban-network.js';
import { ProtectedNetworks } from './protected-networks.js';

const prefix = (text: string): Prefix => parsePrefix(text)!;
const networks = ProtectedNetworks.from({
  'never-block': [prefix('192.0.2.0/24')],
  'allow-rule': [prefix('198.51.100.7'), prefix('2001:db8:0:1::7'), prefix('2001:db8:f::/48')],
  'trusted-proxy': [prefix('10.0.0.0/8')],
  'own-address': [prefix('192.0.2.77')],
});

it.each([
  ['192.0.2.1', 'never-block', '192.0.2.0/24'],
  ['::ffff:192.0.2.1', 'never-block', '192.0.2.0/24'],
  ['192.0.2.77', 'own-address', '192.0.2.77/32'],
  ['198.51.100.7', 'allow-rule', '198.51.100.7/32'],
  ['198.51.100.8', undefined, undefined],
  ['10.255.0.1', 'trusted-proxy', '10.0.0.0/8'],
  ['127.0.0.1', 'loopback', '127.0.0.0/8'],
  ['127.255.255.255', 'loopback', '127.0.0.0/8'],
  ['::1', 'loopback', '::1/128'],
  // One address that is allowed protects the network that would be banned with it.
  ['2001:db8:0:1::8', 'allow-rule', '2001:db8:0:1::7/128'],
  ['2001:db8:0:2::7', undefined, undefined],
  ['2001:db8:f:1::7', 'allow-rule', '2001:db8:f::/48'],
])('%s is protected by %s %s', (subject, kind, network) => {
  const found = networks.of(networkToBan(subject)!);
  expect(found?.kind).toBe(kind);
  expect(found?.network).toBe(network);
});

it('protects loopback where nothing else is given', () => {
  expect(ProtectedNetworks.from({}).of(prefix('127.0.0.1'))?.kind).toBe('loopback');
  expect(ProtectedNetworks.from({ 'allow-rule': undefined }).of(prefix('192.0.2.1'))).toBeNull();
});

it('protects what overlaps, as a slow twin says', () => {
  const address = fc.nat(63).map((n) => 0xc0000200 + n);
  const v4 = fc
    .tuple(address, fc.integer({ min: 24, max: 32 }))
    .map(([bits, length]) => Prefix.fromV4(bits, length));
  const v6 = fc
    .tuple(fc.nat(7), fc.nat(7), fc.integer({ min: 56, max: 128 }))
    .map(([group, host, length]) => Prefix.fromV6(0x20010db8, group, 0, host, length));
  const any = fc.oneof(v4, v6);
  fc.assert(
    fc.property(
      fc.array(any, { maxLength: 8 }),
      fc.array(any, { maxLength: 8 }),
      any,
      (allowed, proxies, subject) => {
        const network = networkToBan(subject.toString());
        if (network === null) return;
        const lists = ProtectedNetworks.from({ 'allow-rule': allowed, 'trusted-proxy': proxies });
        const isProtected = [...allowed, ...proxies].some((other) => other.overlaps(network));
        expect(lists.of(network) !== null).toBe(isProtected);
      },
    ),
    { numRuns: 1_000 },
  );
});
