import { assert, integer, oneof, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, parseIp } from '../net/ip-address.js';
import { parsePrefix } from '../net/prefix.js';
import { trackerKey } from '../net/tracker-key.js';
import { AddressPrivacy } from './address-privacy.js';
import { privacySettings } from './privacy.options.js';
import type { PrivacyOptions } from './privacy.options.js';

const KEY = 'k'.repeat(32);
const OTHER_KEY = 'o'.repeat(32);
const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 2, 31, 12);

const ip = (text: string) => parseIp(text)!;
const privacy = (options: PrivacyOptions) => new AddressPrivacy(privacySettings(options));
const hashed = (options: PrivacyOptions = {}) =>
  privacy({ address: 'hashed', key: KEY, ...options });

const addresses = oneof(
  integer().map((word) => IpAddress.fromV4(word)),
  tuple(integer(), integer(), integer(), integer()).map((words) => IpAddress.fromV6(...words)),
);

describe('an address as it is stored', () => {
  it.each([
    ['full', '203.0.113.77', '203.0.113.77'],
    ['full', '2001:db8:1:2::3', '2001:db8:1:2::3'],
    ['truncated', '203.0.113.77', '203.0.113.0'],
    ['truncated', '::ffff:203.0.113.77', '203.0.113.0'],
    ['truncated', '255.255.255.255', '255.255.255.0'],
    ['truncated', '2001:db8:1:2::3', '2001:db8:1::'],
    ['truncated', 'ffff:ffff:ffff:ffff::', 'ffff:ffff:ffff::'],
    ['none', '203.0.113.77', undefined],
  ] as const)('is %s: %s as %s', (address, text, stored) => {
    expect(privacy({ address }).stored(ip(text), NOON)?.toString()).toBe(stored);
  });

  it.each(['full', 'truncated', 'hashed', 'none'] as const)(
    'is nothing where none is: %s',
    (address) => {
      expect(privacy({ address, key: KEY }).stored(null, NOON)).toBeNull();
    },
  );
});

describe('a hashed address', () => {
  const network = parsePrefix('fd00::/8')!;

  it('lies in fd00::/8, is the same within a period, and another in the next', () => {
    assert(
      property(addresses, integer({ min: 0, max: DAY_MS - 1 }), (address, offset) => {
        const today = Math.floor(NOON / DAY_MS) * DAY_MS;
        const stored = hashed().stored(address, today + offset)!;
        expect(network.contains(stored)).toBe(true);
        expect(hashed().stored(address, today)!.equals(stored)).toBe(true);
        expect(
          hashed()
            .stored(address, today + DAY_MS)!
            .equals(stored),
        ).toBe(false);
        expect(hashed({ key: OTHER_KEY }).stored(address, today)!.equals(stored)).toBe(false);
      }),
    );
  });

  it('is found again', () => {
    assert(
      property(addresses, integer({ min: 0, max: 40 }), (address, days) => {
        const stored = hashed().stored(address, NOON - days * DAY_MS)!;
        const forms = hashed().formsBetween(address, NOON - 40 * DAY_MS, NOON);
        expect(forms.filter((form) => form.equals(stored))).toHaveLength(1);
      }),
    );
  });

  it('is its own for each client: none of 50,000 collide', () => {
    const store = hashed();
    const seen = new Set<string>();
    for (let host = 0; host < 50_000; host += 1) {
      seen.add(trackerKey(store.stored(IpAddress.fromV4(0x51_00_00_00 + host), NOON)!));
    }
    expect(seen.size).toBe(50_000);
  });

  it('is counted by /64 as the address is', () => {
    const store = hashed();
    const clientOf = (text: string) => trackerKey(store.stored(ip(text), NOON)!);
    expect(clientOf('2001:db8:1:2::1')).toBe(clientOf('2001:db8:1:2:ffff::2'));
    expect(clientOf('2001:db8:1:2::1')).not.toBe(clientOf('2001:db8:1:3::1'));
    const store2 = store.stored(ip('2001:db8:1:2::1'), NOON)!.toString();
    expect(store2).not.toBe(store.stored(ip('2001:db8:1:2::2'), NOON)!.toString());
  });

  it('stays what it was: rows that are stored must be found by the next release', () => {
    expect(hashed().stored(ip('203.0.113.77'), NOON)!.toString()).toMatchInlineSnapshot(
      `"fd70:a5c:ba80:a478:d5bc:a7bf:fff5:5255"`,
    );
    expect(hashed().stored(ip('2001:db8::1'), NOON)!.toString()).toMatchInlineSnapshot(
      `"fd7f:4d61:d2a5:7b86:b2af:51ff:1157:8ef7"`,
    );
  });
});

describe('the forms of an address', () => {
  const forms = (options: PrivacyOptions, text = '203.0.113.77') =>
    privacy(options)
      .formsBetween(ip(text), NOON - DAY_MS, NOON)
      .map(String);

  it('are itself and its hashes, whatever the setting is now', () => {
    expect(forms({})).toEqual(['203.0.113.77']);
    expect(forms({ address: 'none' })).toEqual(['203.0.113.77']);
    for (const address of ['full', 'truncated', 'hashed', 'none'] as const) {
      expect(forms({ address, key: KEY })).toHaveLength(3);
    }
  });

  it('hold the hashes under the keys of before', () => {
    const old = hashed({ key: OTHER_KEY }).stored(ip('203.0.113.77'), NOON)!.toString();
    expect(forms({ address: 'hashed', key: KEY })).not.toContain(old);
    expect(forms({ address: 'hashed', key: KEY, previousKeys: [OTHER_KEY] })).toContain(old);
  });

  it('never hold a truncated address, which others share', () => {
    expect(forms({ address: 'truncated' })).toEqual(['203.0.113.77']);
    expect(forms({ address: 'truncated' }, '203.0.113.0')).toEqual([]);
    expect(forms({ address: 'full' }, '203.0.113.0')).toEqual(['203.0.113.0']);
  });
});

describe('the forms by which records are known when they arrive', () => {
  const forms = (options: PrivacyOptions) =>
    privacy(options)
      .arrivingBetween(ip('203.0.113.77'), NOON - DAY_MS, NOON)
      .map(String);
  const hash = (moment: number, key = KEY) =>
    hashed({ key }).stored(ip('203.0.113.77'), moment)!.toString();

  it('are the address itself where that is stored', () => {
    expect(forms({})).toEqual(['203.0.113.77']);
    expect(forms({ key: KEY })).toContain('203.0.113.77');
  });

  it('are its hashes alone where those are stored: beside them it would tell whose they are', () => {
    expect(forms({ address: 'hashed', key: KEY, previousKeys: [OTHER_KEY] }).toSorted()).toEqual(
      [
        hash(NOON - DAY_MS),
        hash(NOON),
        hash(NOON - DAY_MS, OTHER_KEY),
        hash(NOON, OTHER_KEY),
      ].toSorted(),
    );
  });

  it.each(['truncated', 'none'] as const)('are none where what is stored is %s', (address) => {
    expect(forms({ address, key: KEY })).toEqual([]);
  });
});
