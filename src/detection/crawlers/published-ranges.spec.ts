import { describe, expect, it } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import { parsePrefix } from '../../net/prefix.js';
import { CRAWLER_RANGES } from './crawler-ranges.js';
import { CRAWLERS } from './crawlers.js';
import { prefixesOfFile, PublishedRanges } from './published-ranges.js';

const ip = (text: string) => parseIp(text)!;

describe('the ranges that are shipped', () => {
  const ranges = PublishedRanges.shipped();

  it.each([
    ['Googlebot', '66.249.66.1', true],
    ['Googlebot', '::ffff:66.249.66.1', true],
    ['Googlebot', '2001:4860:4801:10::1', true],
    ['Googlebot', '66.249.80.1', false],
    ['Googlebot', '157.55.39.1', false],
    ['Bingbot', '157.55.39.1', true],
    ['Bingbot', '157.55.40.1', false],
    ['Applebot', '17.241.75.9', true],
    ['Applebot', '17.0.0.1', false],
    ['nobody', '66.249.66.1', false],
  ])('of %s: is %s in them? %s', (crawler, address, expected) => {
    expect(ranges.has(crawler, ip(address))).toBe(expected);
  });

  // As the copy that they were taken from counts them.
  it.each([
    ['Googlebot', 5_088, 147],
    ['Bingbot', 4_736, 0],
    ['Applebot', 7_056, 0],
  ])('of %s are whole: %i IPv4 addresses, %i IPv6 networks of /64', (crawler, v4, v6) => {
    const list = CRAWLER_RANGES.find((one) => one.crawler === crawler)!;
    const prefixes = list.prefixes.map((text) => parsePrefix(text)!);
    expect(prefixes.map((prefix) => prefix.toString())).toEqual(list.prefixes);
    const sum = (family: 4 | 6, bits: number) =>
      prefixes
        .filter((prefix) => prefix.family === family)
        .reduce((total, { length }) => total + 2 ** (bits - length), 0);
    expect([sum(4, 32), sum(6, 64)]).toEqual([v4, v6]);
  });

  it('are of crawlers that there are, from where these publish them, and dated', () => {
    for (const { crawler, source, copiedOn } of CRAWLER_RANGES) {
      expect(CRAWLERS.find(({ name }) => name === crawler)?.ranges).toBe(source);
      expect(new Date(copiedOn).toISOString().slice(0, 10)).toBe(copiedOn);
    }
  });
});

describe('a file of ranges', () => {
  it('is read in the form in which operators publish it', () => {
    const file = {
      creationTime: '2026-09-02T14:46:20.000000',
      prefixes: [{ ipv6Prefix: '2001:db8:1::/64' }, { ipv4Prefix: '192.0.2.7/27' }],
    };
    const prefixes = prefixesOfFile(file, 'googlebot.json');
    expect(prefixes).toEqual(['2001:db8:1::/64', '192.0.2.0/27']);
    const ranges = PublishedRanges.from([
      { crawler: 'Googlebot', prefixes },
      { crawler: 'Googlebot', prefixes: ['198.51.100.0/24'] },
    ]);
    for (const address of ['192.0.2.1', '2001:db8:1::9', '198.51.100.1']) {
      expect(ranges.has('Googlebot', ip(address))).toBe(true);
    }
    expect(ranges.has('Googlebot', ip('66.249.66.1'))).toBe(false);
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['another form', { ranges: [] }],
    ['an empty list', { prefixes: [] }],
    ['an entry of another form', { prefixes: [{ cidr: '192.0.2.0/24' }] }],
    ['an entry that is null', { prefixes: [null] }],
    ['no prefix', { prefixes: [{ ipv4Prefix: '192.0.2.0/33' }] }],
    ['everybody', { prefixes: [{ ipv4Prefix: '0.0.0.0/0' }] }],
    ['half of IPv6', { prefixes: [{ ipv6Prefix: '2000::/3' }] }],
  ])('is refused with %s', (_, file) => {
    expect(() => prefixesOfFile(file, 'x.json')).toThrow(
      expect.objectContaining({
        code: 'IPT_INVALID_PREFIX',
        message: expect.stringMatching(/^x\.json /),
      }),
    );
  });
});
