import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { twinContains, twinParse, twinPrefix, twinText } from '../../bench/address-twin.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { parseIp } from './ip-address.js';
import { parsePrefix, Prefix } from './prefix.js';

/*
 * Notations a network comes in, and what each is here:
 *
 *   CIDR                       10.0.0.0/8, 2001:db8::/32      itself
 *   CIDR with host bits        10.1.2.3/8                     masked
 *   bare address               10.1.2.3                       /32 or /128
 *   mapped, /96 or longer      ::ffff:10.0.0.0/104            its IPv4 prefix
 *   mapped, shorter than /96   ::ffff:0:0/95                  IPv6, covers no IPv4
 *   netmask, wildcard, range   10.0.0.0/255.0.0.0, 10.*, a-b  refused
 *   /33, /, /01, /-1, /1e1, / 8                               refused
 */

describe('parsePrefix', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['192.0.2.255/31', '192.0.2.254/31'],
    ['255.255.255.255/1', '128.0.0.0/1'],
    ['1.2.3.4/0', '0.0.0.0/0'],
    ['1.2.3.4', '1.2.3.4/32'],
    ['1.2.3.4/32', '1.2.3.4/32'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['2001:DB8:ffff::1/33', '2001:db8:8000::/33'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:db8:0:ffff::/63', '2001:db8:0:fffe::/63'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/97', 'ffff:ffff:ffff:ffff:ffff:ffff:8000:0/97'],
    ['::/0', '::/0'],
    ['::ffff:10.1.2.3', '10.1.2.3/32'],
    ['::ffff:10.1.2.3/128', '10.1.2.3/32'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:a01:203/104', '10.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:10.1.2.3/96', '0.0.0.0/0'],
    ['::ffff:0:0/95', '::fffe:0:0/95'],
    ['::ffff:10.0.0.0/8', '::/8'],
    ['::ffff:10.0.0.0/64', '::/64'],
    ['2001:db8::1.2.3.4/120', '2001:db8::102:300/120'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parsePrefix(text)?.toString()).toBe(canonical);
  });

  it.each([
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/128',
    '10.0.0.0/01',
    '10.0.0.0/00',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '10.0.0.0/1e1',
    '10.0.0.0/8.0',
    '10.0.0.0/:',
    '2001:db8::/1a',
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0 /8',
    ' 10.0.0.0/8',
    '10.0.0.0/0x8',
    '10.0.0.0/8/8',
    '10.0.0.0//8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0\\8',
    '10/8',
    '10.0/8',
    '10.*',
    '10.0.0.0-10.0.0.9',
    '010.0.0.0/8',
    '1.2.2.355/32',
    '2001:db8::/129',
    '2001:db8::/999',
    '2001:db8::/1000',
    '2001:db8::/032',
    '2001:db8::/-1',
    'fe80::%eth0/64',
    'fe80::/64%eth0',
    '[2001:db8::]/32',
    'loopback',
    '8',
  ])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  it.each([undefined, null, 8, {}, ['10.0.0.0/8']])('refuses what is not a string, %#', (value) => {
    expect(parsePrefix(value as string)).toBeNull();
  });

  it('agrees with a slow twin', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4().map((text) => `::ffff:${text}`),
    );
    const length = fc.oneof(
      fc.nat(140).map(String),
      fc.string({ unit: fc.constantFrom(...'0189-+ /'), maxLength: 4 }),
    );
    fc.assert(
      fc.property(address, length, address, (text, bits, other) => {
        const prefix = parsePrefix(`${text}/${bits}`);
        const twin = twinPrefix(`${text}/${bits}`);
        expect(prefix?.toString() ?? null).toBe(twin && `${twinText(twin)}/${twin.length}`);
        if (prefix === null || twin === null) return;
        expect(prefix.contains(parseIp(other)!)).toBe(twinContains(twin, twinParse(other)!));
        expect(parsePrefix(prefix.toString())!.equals(prefix)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('Prefix', () => {
  const prefix = (text: string): Prefix => parsePrefix(text)!;

  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '10.1.2.3', false],
    ['::/0', '::ffff:10.1.2.3', false],
    ['::ffff:0:0/95', '::ffff:10.1.2.3', false],
    ['::/80', '10.1.2.3', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['2001:db8::1/128', '2001:db8::1', true],
    ['2001:db8::1/127', '2001:db8::2', false],
    ['2001:db8::/64', '2001:db8::ffff:ffff:ffff:ffff', true],
    ['2001:db8::/65', '2001:db8::8000:0:0:0', false],
  ])('%s and %s: %s', (text, ip, expected) => {
    expect(prefix(text).contains(parseIp(ip)!)).toBe(expected);
  });

  it('contains what is longer and within', () => {
    expect(prefix('10.0.0.0/8').containsPrefix(prefix('10.1.0.0/16'))).toBe(true);
    expect(prefix('10.0.0.0/8').containsPrefix(prefix('10.0.0.0/8'))).toBe(true);
    expect(prefix('10.1.0.0/16').containsPrefix(prefix('10.0.0.0/8'))).toBe(false);
    expect(prefix('::/0').containsPrefix(prefix('10.0.0.0/8'))).toBe(false);
    expect(prefix('10.1.0.0/16').overlaps(prefix('10.0.0.0/8'))).toBe(true);
    expect(prefix('10.1.0.0/16').overlaps(prefix('10.2.0.0/16'))).toBe(false);
  });

  it('is equal by network', () => {
    expect(prefix('10.1.2.3/8').equals(prefix('::ffff:10.0.0.0/104'))).toBe(true);
    expect(prefix('10.0.0.0/8').equals(prefix('10.0.0.0/9'))).toBe(false);
    expect(prefix('0.0.0.0/0').equals(prefix('::/0'))).toBe(false);
  });

  it('is its text in JSON', () => {
    expect(JSON.stringify([prefix('10.1.2.3/8'), prefix('2001:db8::1')])).toBe(
      '["10.0.0.0/8","2001:db8::1/128"]',
    );
  });

  it('is made of an address and a length that fits', () => {
    expect(Prefix.of(parseIp('10.1.2.3')!, 8).toString()).toBe('10.0.0.0/8');
    expect(Prefix.of(parseIp('2001:db8::1')!, 64).toString()).toBe('2001:db8::/64');
    expect(Prefix.of(parseIp('10.1.2.3')!, 0).toString()).toBe('0.0.0.0/0');
    expect(Prefix.of(parseIp('10.1.2.3')!, 32).toString()).toBe('10.1.2.3/32');
    expect(Prefix.of(parseIp('2001:db8::1')!, 128).toString()).toBe('2001:db8::1/128');
    for (const length of [-1, 33, 1.5, NaN, '8' as unknown as number]) {
      expect(() => Prefix.of(parseIp('10.1.2.3')!, length)).toThrow(IpTrackingError);
    }
  });
});
