import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseIp } from './ip-address.js';
import { parsePrefix } from './prefix.js';
import { classify } from './special-ranges.js';

/*
 * What the public test suites of peers say about texts of addresses and networks, as facts. Where a peer and this
 * package agree, the answer stands once; where they differ on purpose, the reason stands beside both answers. `null`
 * is "refused".
 *
 *   netip      Go, net/netip/netip_test.go
 *   ipaddress  CPython, Lib/test/test_ipaddress.py
 *   URL        WHATWG, web-platform-tests url/resources/urltestdata.json; Node's own URL is asked, too
 *   ipaddr.js  whitequark/ipaddr.js, test/ipaddr.test.js
 *   realclientip  realclientip-go, realclientip_test.go
 *   isIP       Node, net.isIP, asked about every text here
 */
type Answer = string | null;

const agreed: Record<string, readonly (readonly [text: string, answer: Answer])[]> = {
  netip: [
    ['0.0.0.0', '0.0.0.0'],
    ['192.168.140.255', '192.168.140.255'],
    ['010.000.015.001', null],
    ['000001.00000002.00000003.000000004', null],
    ['::ffff:1.2.03.4', null],
    ['::', '::'],
    ['::1', '::1'],
    ['fd7a:115c:a1e0:ab12:4843:cd96:626b:430b', 'fd7a:115c:a1e0:ab12:4843:cd96:626b:430b'],
    ['fd7a:115c::626b:430b', 'fd7a:115c::626b:430b'],
    ['fd7a:115c:a1e0:ab12:4843:cd96::', 'fd7a:115c:a1e0:ab12:4843:cd96::'],
    ['fd7a:115c:a1e0:ab12:4843:cd96:626b::', 'fd7a:115c:a1e0:ab12:4843:cd96:626b:0'],
    ['fd7a:115c:a1e0::4843:cd96:626b:430b', 'fd7a:115c:a1e0:0:4843:cd96:626b:430b'],
    ['FD9E:1A04:F01D::1', 'fd9e:1a04:f01d::1'],
    ['1:2::ffff:192.168.140.255', '1:2::ffff:c0a8:8cff'],
    ['::fffe:c000:0280', '::fffe:c000:280'],
    ['', null],
    ['bad', null],
    ['1234', null],
    ['1.2.3.4%eth0', null],
    ['.1.2.3', null],
    ['1.2.3.', null],
    ['1..2.3', null],
    ['1.2.3.4.5', null],
    ['0300.0250.0214.0377', null],
    ['0xc0.0xa8.0x8c.0xff', null],
    ['192.168.12345', null],
    ['127.0.1', null],
    ['192.1234567', null],
    ['127.1', null],
    ['192.168.300.1', null],
    ['192.168.0.1.5.6', null],
    ['1:2:3:4:5:6:7', null],
    ['1:2:3:4:5:6:7:8:9', null],
    ['1:2:3:4::5:6:7:8', null],
    ['fe801::1', null],
    ['fe80:tail:scal:e::', null],
    ['fe80::1%', null],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:192.168.140.255', null],
    ['ffff::ffff:ffff:ffff:ffff:ffff:ffff:192.168.140.255', null],
    ['::ffff:192.168.140.bad', null],
    ['fe80::1::1', null],
    ['fe80:1?:1', null],
    ['fe80:', null],
  ],
  ipaddress: [
    ['000.000.000.000', null],
    ['192.168.000.001', null],
    ['016.016.016.016', null],
    ['001.000.008.016', null],
    ['01.2.3.40', null],
    ['1.02.3.40', null],
    ['1.2.03.40', null],
    ['1.2.3.040', null],
    ['0000::0000', '::'],
    ['000::c0a8:0001', '::c0a8:1'],
    ['::1.2.3.42', '::102:32a'],
    ['2001:658:22a:cafe:200:0:0:1', '2001:658:22a:cafe:200::1'],
    ['0:0::0:01', '::1'],
    ['127.0.0.1/24', null],
    ['42.42.42.42.42', null],
    ['42.42.42', null],
    ['42.42', null],
    ['42', null],
    ['42..42.42.42', null],
    ['42.42.42.42.', null],
    ['42.42.42.42...', null],
    ['.42.42.42.42', null],
    ['...42.42.42.42', null],
    ['016.016.016', null],
    ['016', null],
    ['000', null],
    ['0x0a.0x0a.0x0a', null],
    ['0x0a', null],
    ['.', null],
    ['...', null],
    ['bogus', null],
    ['bogus.com', null],
    ['1000000000000000', null],
    ['192.168.0.1.com', null],
    ['42..42.42', null],
    ['0x0a.0x0a.0x0a.0x0a', null],
    ['0xa.0x0a.0x0a.0x0a', null],
    ['42.42.42.-0', null],
    ['42.42.42.+0', null],
    ['+1.+2.+3.4', null],
    ['1.2.3.4e0', null],
    ['1.2.3.4::', null],
    ['1.a.2.3', null],
    ['0000.000.000.000', null],
    ['12345.67899.-54321.-98765', null],
    ['257.0.0.0', null],
    ['192.168.0.999', null],
    ['::1/24', null],
    ['::1%scope%', null],
    ['::1%', null],
    [':', null],
    [':1', null],
    ['FEDC:9878', null],
    ['9:8:7:6:5:4:3::2:1', null],
    ['10:9:8:7:6:5:4:3:2:1', null],
    ['::8:7:6:5:4:3:2:1', null],
    ['8:7:6:5:4:3:2:1::', null],
    ['10:9:8:7:6:5:4:3:42.42.42.42', null],
    [`${'0:'.repeat(10_000)}0`, null],
    [`${'0:'.repeat(10_000)}0:255.255.255.255`, null],
    ['3ffe:0:0:0:0:0:0:0:1', null],
    ['9:8:7:6:5:4:3:42.42.42.42', null],
    ['7:6:5:4:3:42.42.42.42', null],
    ['1::2::3::4:5', null],
    ['2001::db:::1', null],
    ['3ffe::1::', null],
    ['::3ffe::1', null],
    [':3ffe::1::1', null],
    ['3ffe::1::1:', null],
    [':::', null],
    ['2001:db8:::1', null],
    [':2001:db8::1', null],
    [':1:2:3:4:5:6:', null],
    [':6:5:4:3:2:1::', null],
    ['2001:db8::1:', null],
    ['::1.2.3.4:', null],
    ['::7:6:5:4:3:2:', null],
    ['3ffe::1.net', null],
    ['3ffe::127.0.1', null],
    ['::1.2.3', null],
    ['::1.2.3.4.5', null],
    ['3ffe::1.1.1.net', null],
    ['3ffe::goog', null],
    ['3ffe::-0', null],
    ['3ffe::+0', null],
    ['1234:axy::b', null],
    ['::00000', null],
    ['3ffe::10000', null],
    ['02001:db8::', null],
    ['2001:888888::1', null],
  ],
  URL: [
    ['1:0::', '1::'],
    ['2001::1', '2001::1'],
    ['::127.0.0.1', '::7f00:1'],
    ['0:0:0:0:0:0:13.1.68.3', '::d01:4403'],
    ['0:1:0:1:0:1:0:1', '0:1:0:1:0:1:0:1'],
    ['1:0:1:0:1:0:1:0', '1:0:1:0:1:0:1:0'],
    ['1:2:0:0:5:0:0:0', '1:2:0:0:5::'],
    ['1:2:0:0:0:0:0:3', '1:2::3'],
    ['0:1:2:3:4:5:6:7:8', null],
    ['0::0::0', null],
    ['0:.0', null],
    ['0:0:', null],
    ['0:1:2:3:4:5:6:7.0.0.0.1', null],
    ['0:1.00.0.0.0', null],
    ['0:1.290.0.0.0', null],
    ['0:1.23.23', null],
    ['::127.0.0.1.', null],
    ['::127.0.0.0.1', null],
    ['::1.2.3.4x', null],
    ['::1.2.3.', null],
    ['::1.2.', null],
    ['::1.', null],
    ['www.google.com', null],
    ['192.168.0.257', null],
    ['192.168.0.1 hello', null],
    ['0..0x300', null],
    ['256.256.256.256.256', null],
    ['1.2.3.4.5.', null],
    ['1.2.3.08', null],
    ['1.2.3.09', null],
    ['09.2.3.4', null],
    ['01.2.3.4.5', null],
    ['0x100.2.3.4', null],
    ['0x1.2.3.4.5', null],
    ['foo.1.2.3.4', null],
    ['foo.2.3.4', null],
    ['foo.09', null],
    ['foo.09..', null],
    ['foo.0x4', null],
    ['0999999999999999999', null],
    ['foo.0XFfFfFfFfFfFfFfFfFfAcE123', null],
    ['0x7f.0.0.0x7g', null],
  ],
  'ipaddr.js': [
    ['192.168.1.1', '192.168.1.1'],
    ['1024.0.0.1', null],
    ['8.0xa.wtf.6', null],
    ['10.0.0.wtf', null],
    ['8.0x1ffffff', null],
    ['8.8.0x1ffff', null],
    ['10.048.1.1', null],
    ['2001:db8:F53A:0:0:0:0:1', '2001:db8:f53a::1'],
    ['fe80::10', 'fe80::10'],
    ['2001:db8:F53A::', '2001:db8:f53a::'],
    ['FFFF::255.255.255.255', 'ffff::ffff:ffff'],
    ['64:ff9a::0.0.0.0', '64:ff9a::'],
    ['0:ff:0:0:0:0:0:0', '0:ff::'],
    ['0:0:0:0:0:0:ff:0', '::ff:0'],
    ['0:0:ff:0:0:0:0:0', '0:0:ff::'],
    ['0:0:0:0:0:ff:0:0', '::ff:0:0'],
    ['0:0:0:ff:ff:0:0:0', '::ff:ff:0:0:0'],
    ['2001:0:0:0:ff:0:0:0', '2001::ff:0:0:0'],
    ['2001:db8:ff:abc:0:123b:456c:78d', '2001:db8:ff:abc:0:123b:456c:78d'],
    ['2001:db8:ff:abc:0:0:456c:78d', '2001:db8:ff:abc::456c:78d'],
    ['2001:db8:ff:abc:78d:123b:456c:0', '2001:db8:ff:abc:78d:123b:456c:0'],
    ['0:db8:ff:abc:78d:123b:456c:2001', '0:db8:ff:abc:78d:123b:456c:2001'],
    ['200001::1', null],
    ['::ffff:300.168.1.1', null],
    ['::ffff:300.168.1.1:0', null],
    ['::ffff:222.1.41.9000', null],
    ['2001:db8::F53A::1', null],
    ['fe80::wtf', null],
    ['fe80::%', null],
    ['2002::2:', null],
    ['fe80::0::1', null],
    ['::some.nonsense', null],
    ['4999999999', null],
    ['-1', null],
    ['::8:8:8:8:8:8:8:8:8', null],
  ],
  realclientip: [
    ['2607:f8b0:4004:83f::18', '2607:f8b0:4004:83f::18'],
    ['0:0:0:0:0:ffff:bc15:0006', '188.21.0.6'],
    ['::ffff:172.21.0.6', '172.21.0.6'],
    ['64:ff9b::188.0.2.128', '64:ff9b::bc00:280'],
    ['2002:c000:204::', '2002:c000:204::'],
    ['nope%zone', null],
    ['nope!!', null],
  ],
};

const MAPPED = 'IPv4-mapped is IPv4 here, or a rule for an address misses its other notation';
const ZONE =
  'a zone means something on one host only, and whoever may write one writes what is stored';
const ATON = 'inet_aton notation is read differently by others, who then see another address';
const DIGITS = 'only ASCII is read; a header can hold no other digits either';

const different: readonly (readonly [
  peer: string,
  text: string,
  theirs: Answer,
  ours: Answer,
  why: string,
])[] = [
  ['netip', '::ffff:192.168.140.255', '::ffff:192.168.140.255', '192.168.140.255', MAPPED],
  ['netip', '::ffff:c000:0280', '::ffff:192.0.2.128', '192.0.2.128', MAPPED],
  ['netip', '::ffff:7f01:0203', '::ffff:127.1.2.3', '127.1.2.3', MAPPED],
  ['netip', '0:0:0:0:0000:ffff:127.1.2.3', '::ffff:127.1.2.3', '127.1.2.3', MAPPED],
  ['netip', '0:0:0:0::ffff:127.1.2.3', '::ffff:127.1.2.3', '127.1.2.3', MAPPED],
  [
    'netip',
    '0:0:0:0:000000:ffff:127.1.2.3',
    '::ffff:127.1.2.3',
    null,
    'RFC 4291 has one to four digits a group',
  ],
  [
    'netip',
    'fd7a:115c:a1e0:ab12:4843:cd96:626b:430b%eth0',
    'fd7a:115c:a1e0:ab12:4843:cd96:626b:430b%eth0',
    null,
    ZONE,
  ],
  ['netip', '1:2::ffff:192.168.140.255%eth1', '1:2::ffff:c0a8:8cff%eth1', null, ZONE],
  ['netip', '::ffff:192.168.140.255%eth1', '::ffff:192.168.140.255%eth1', null, ZONE],
  ['ipaddress', '::ffff:192.168.1.1', '::ffff:192.168.1.1', '192.168.1.1', MAPPED],
  ['ipaddress', '::ffff:c0a8:101', '::ffff:192.168.1.1', '192.168.1.1', MAPPED],
  ['ipaddress', '2001:db8::%scope', '2001:db8::%scope', null, ZONE],
  ['ipaddress', '::1%scope', '::1%scope', null, ZONE],
  ['URL', '::ffff:127.0.0.1', '::ffff:7f00:1', '127.0.0.1', MAPPED],
  ['URL', '0xc0.0250.01', '192.168.0.1', null, ATON],
  ['URL', '0xc0.0250.01.', '192.168.0.1', null, ATON],
  ['URL', '192.0x00A80001', '192.168.0.1', null, ATON],
  ['URL', '0xffffffff', '255.255.255.255', null, ATON],
  ['URL', '0x.0x.0x.0x', '0.0.0.0', null, ATON],
  ['URL', '０Ｘｃ０．０２５０．０１', '192.168.0.1', null, DIGITS],
  ['URL', '%30%78%63%30%2e%30%32%35%30.01', '192.168.0.1', null, 'headers are not percent-encoded'],
  ['ipaddr.js', '192.168.007.0xa', '192.168.7.10', null, ATON],
  ['ipaddr.js', '0xc0.168.1.1', '192.168.1.1', null, ATON],
  ['ipaddr.js', '192.0250.1.1', '192.168.1.1', null, ATON],
  ['ipaddr.js', '0xc0a80101', '192.168.1.1', null, ATON],
  ['ipaddr.js', '030052000401', '192.168.1.1', null, ATON],
  ['ipaddr.js', '3232235777', '192.168.1.1', null, ATON],
  ['ipaddr.js', '127.42.258', '127.42.1.2', null, ATON],
  ['ipaddr.js', '127.66051', '127.1.2.3', null, ATON],
  ['ipaddr.js', '10.1.1.0xff', '10.1.1.255', null, ATON],
  ['ipaddr.js', '1', '0.0.0.1', null, ATON],
  [
    'ipaddr.js',
    '::8.8.8.8',
    '8.8.8.8',
    '::808:808',
    'IPv4-compatible addresses are IPv6 (RFC 4291 section 2.5.5.1); only ::ffff:0:0/96 is mapped',
  ],
  ['ipaddr.js', '::%z', '::%z', null, ZONE],
  ['ipaddr.js', '::ffff:192.168.1.1%z', '::ffff:c0a8:101%z', null, ZONE],
  ['ipaddr.js', '2001:db8:f53a::1%2', '2001:db8:f53a::1%2', null, ZONE],
  ['realclientip', '1.1.1.1%', '1.1.1.1', null, ZONE],
  ['realclientip', 'fe80::abcd%zone', 'fe80::abcd%zone', null, ZONE],
];

const text = (answer: string): Answer => parseIp(answer)?.toString() ?? null;
const short = (input: string) => (input.length > 60 ? `${input.slice(0, 57)}…` : input);

/** What a WHATWG URL makes of a host, where that is an address. */
function hostOf(input: string): Answer {
  const url = `http://${input.includes(':') ? `[${input}]` : input}/`;
  if (!URL.canParse(url)) return null;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? null : host;
}

describe.each(Object.entries(agreed))('an address, as %s has it', (_peer, cases) => {
  it.each(cases.map(([input, answer]) => [short(input), input, answer] as const))(
    '%j',
    (_, input, answer) => {
      expect(text(input)).toBe(answer);
      expect(isIP(input) !== 0).toBe(answer !== null);
    },
  );
});

describe('an address, unlike the peer', () => {
  it.each(different)('%s: %j is %j there and %j here: %s', (_peer, input, theirs, ours) => {
    expect(text(input)).toBe(ours);
    expect(ours).not.toBe(theirs);
    // The one thing net.isIP takes and parseIp does not.
    const isScoped = theirs !== null && /:.*%./.test(input);
    expect(isIP(input) !== 0).toBe(ours !== null || isScoped);
  });
});

describe("a host, as Node's URL has it", () => {
  it.each([
    ...agreed.URL!,
    ...different
      .filter(([peer]) => peer === 'URL')
      .map(([, input, theirs]) => [input, theirs] as const),
  ])('%j is %j', (input, theirs) => {
    expect(hostOf(input)).toBe(theirs);
  });
});

describe('a network, as peers have it', () => {
  it.each<readonly [peer: string, input: string, answer: Answer]>([
    ['netip', '192.168.0.255/24', '192.168.0.0/24'],
    ['netip', '2100::/3', '2000::/3'],
    ['netip', '100.64.0.0/10', '100.64.0.0/10'],
    ['netip', '2001:db8::/96', '2001:db8::/96'],
    ['netip', '5.5.5.5/0', '0.0.0.0/0'],
    ['netip', '5::1/8', '::/8'],
    ['netip', '1.257.1.1/24', null],
    ['netip', '1.1.1.0/q', null],
    ['netip', '1.1.1.0/-1', null],
    ['netip', '1.1.1.0/33', null],
    ['netip', '2001::/129', null],
    ['netip', '1.1.1.0%a/24', null],
    ['netip', '2001:db8::%a/32', null],
    ['ipaddress', '1.2.3.4', '1.2.3.4/32'],
    ['ipaddress', '::1', '::1/128'],
    ['ipaddress', '1.2.3.4/32/24', null],
    ['ipaddress', 'cafe:cafe::/128/190', null],
    ['ipaddress', '/', null],
    ['ipaddress', '/8', null],
    ['ipaddress', 'google.com', null],
    ['ipaddress', '10/8', null],
    ['ipaddress', '1.2.3.256', null],
    ['ipaddress', '1.2.3.4/', null],
    ['ipaddress', '1.2.3.4/+1', null],
    ['ipaddress', '1.2.3.4/ 1 ', null],
    ['ipaddress', '1.2.3.4/0x1', null],
    ['ipaddress', '1.2.3.4/254.254.255.256', null],
    ['ipaddress', '1.1.1.1/240.255.0.0', null],
    ['ipaddress', '1.1.1.1/pudding', null],
    ['ipaddress', '1.1.1.1/::', null],
    ['ipaddress', '::1/', null],
    ['ipaddress', '::1/::1', null],
    ['ipaddress', '::1/ 1 ', null],
    ['ipaddress', '::1/1.2.3.4', null],
    ['ipaddress', '::1%scope/pudding', null],
    ['ipaddr.js', '10.5.0.1/8', '10.0.0.0/8'],
    ['ipaddr.js', '0:0:0:ff:ff:0:0:0/64', '0:0:0:ff::/64'],
    ['ipaddr.js', '2001:db8:f53a::1/-1', null],
    ['ipaddr.js', '2001:db8:f53a::1/129', null],
    ['realclientip', '1.1.1.1/16', '1.1.0.0/16'],
    ['realclientip', '2607:f8b0:4004:83f::200e/48', '2607:f8b0:4004::/48'],
    ['realclientip', '2607:f8b0:4004:83f::200e/56', '2607:f8b0:4004:800::/56'],
    ['realclientip', '::ffff:188.0.2.128/112', '188.0.0.0/16'],
    ['realclientip', '::ffff:bc15:0006/104', '188.0.0.0/8'],
    ['realclientip', '64:ff9b::188.0.2.128/112', '64:ff9b::bc00:0/112'],
    ['realclientip', '2607:f8b0:4004:83f::200e/nope', null],
    ['realclientip', 'fe80::abcd%nope/64', null],
    ['realclientip', '1.1.1.nope', null],
    ['realclientip', '', null],
    ['proxy-addr', '10.0.0.1/internet', null],
    ['proxy-addr', '10.0.0.1/6000', null],
    ['proxy-addr', '::1/6000', null],
    ['proxy-addr', '::ffff:a00:2/136', null],
    ['proxy-addr', '10.0.0.1/ffc0::', null],
    ['proxy-addr', 'fe80::/ffc0::', null],
    ['proxy-addr', 'fe80::/255.255.255.0', null],
    ['proxy-addr', '::ffff:30.168.1.9000', null],
  ])('%s: %j is %j', (_, input, answer) => {
    expect(parsePrefix(input)?.toString() ?? null).toBe(answer);
  });

  it('has every length in the one notation that all peers share', () => {
    for (let length = 0; length <= 128; length++) {
      const v4 = `0.0.0.0/${length}`;
      expect(parsePrefix(v4)?.toString() ?? null).toBe(length <= 32 ? v4 : null);
      expect(parsePrefix(`::/${length}`)?.toString()).toBe(`::/${length}`);
      // ipaddress takes these; RFC 4632 has no leading zeros, and to others they are octal.
      expect(parsePrefix(`::/0${length}`)).toBeNull();
    }
  });

  it.each<readonly [peer: string, input: string, theirs: string, ours: Answer, why: string]>([
    ['netip', '192.168.0.0', 'refused', '192.168.0.0/32', 'a bare address is a rule for itself'],
    ['ipaddr.js', '10.5.0.1', 'refused', '10.5.0.1/32', 'a bare address is a rule for itself'],
    ['netip', '::ffff:c000:0280/96', 'no IPv4', '0.0.0.0/0', MAPPED],
    ['netip', '::ffff:192.168.140.255/8', 'no IPv4', '::/8', 'too short to be mapped'],
    ['ipaddress', '192.0.2.1/24', 'refused', '192.0.2.0/24', 'host bits are masked off'],
    ['ipaddress', '192.0.2.0/255.255.255.0', '/24', null, 'netmasks and hostmasks look alike'],
    ['ipaddress', '0.0.0.0/0.0.0.255', '/24', null, 'netmasks and hostmasks look alike'],
    ['proxy-addr', '10.0.0.2/255.255.255.192', '/26', null, 'netmasks and hostmasks look alike'],
    ['ipaddress', '2001:db8::%scope/32', 'with the scope', null, ZONE],
    ['ipaddr.js', '::1%zone/24', 'with the zone', null, ZONE],
  ])('unlike %s, where %j is %s, it is %j: %s', (_, input, _theirs, ours) => {
    expect(parsePrefix(input)?.toString() ?? null).toBe(ours);
  });

  it.each<readonly [peer: string, prefix: string, inside: string[], outside: string[]]>([
    ['netip', '192.168.0.0/24', ['192.168.0.1', '192.168.0.55'], ['192.168.1.1', '1.1.1.1']],
    ['netip', '192.168.1.1/32', ['192.168.1.1'], ['192.168.1.2']],
    [
      'netip',
      '100.64.0.0/10',
      ['100.64.0.0', '100.81.251.94', '100.127.255.255'],
      ['100.63.255.255', '100.128.0.0'],
    ],
    [
      'netip',
      '2001:db8::/96',
      ['2001:db8::aaaa:bbbb', '2001:db8::1'],
      ['2001:db8::1:aaaa:bbbb', '2001:db9::'],
    ],
    ['netip', '0.0.0.0/0', ['192.168.0.1', '1.1.1.1'], ['2001:db8::1']],
    ['netip', '::/0', ['::1', '2001:db8::1'], ['192.0.2.1']],
    ['netip', '2000::/3', ['2001:db8::1'], ['fe80::1']],
    ['ipaddr.js', '10.4.5.0/15', ['10.5.0.1'], []],
    ['ipaddr.js', '10.4.5.0/16', [], ['10.5.0.1']],
    ['ipaddr.js', '2001:db8:f531::1:1/44', ['2001:db8:f53a::1'], []],
    ['ipaddr.js', '2001:db8:f53b::1:1/48', [], ['2001:db8:f53a::1']],
    ['ipaddr.js', '2001:db8:f500::1/40', ['2001:db8:f53a::1'], []],
    ['ipaddr.js', '2001:db9:f500::1/40', [], ['2001:db8:f53a::1']],
    ['ipaddr.js', 'fe80::/64', [], ['1.2.3.4']],
    ['ipaddr.js', '1.2.3.0/24', [], ['fe80::1']],
  ])('%s: %s contains %j and not %j', (_, prefix, inside, outside) => {
    const network = parsePrefix(prefix)!;
    for (const ip of inside) expect(network.contains(parseIp(ip)!)).toBe(true);
    for (const ip of outside) expect(network.contains(parseIp(ip)!)).toBe(false);
  });

  it.each<readonly [peer: string, a: string, b: string, overlap: boolean, aInB: boolean]>([
    ['netip', '::0/3', '0.0.0.0/3', false, false],
    ['netip', '1.2.0.0/16', '1.2.0.0/16', true, true],
    ['netip', '1.2.0.0/16', '1.2.3.0/24', true, false],
    ['netip', '1.2.3.0/32', '0.0.0.0/0', true, true],
    ['netip', '1.2.3.0/32', '5.5.5.5/0', true, true],
    ['netip', '5::1/128', '5::0/8', true, true],
    ['netip', '1::1/128', '2::2/128', false, false],
    ['netip', '0100::0/8', '::1/128', false, false],
    ['ipaddress', '10.0.0.0/30', '10.0.1.0/24', false, false],
    ['ipaddress', '10.0.0.0/30', '10.0.0.0/24', true, true],
    ['ipaddress', '10.0.1.0/24', '10.0.0.0/30', false, false],
    ['ipaddress', '2000:999::/56', '2000:aaa::/48', false, false],
    ['ipaddress', '2000:aaa::/56', '2000:aaa::/48', true, true],
    ['ipaddress', '2000:bbb::/56', '2000:aaa::/48', false, false],
    ['ipaddress', '2000:aaa::/48', '2000:aaa::/56', true, false],
  ])('%s: %s and %s share an address: %s; the first is in the second: %s', (...row) => {
    const [, a, b, overlap, aInB] = row;
    expect(parsePrefix(a)!.overlaps(parsePrefix(b)!)).toBe(overlap);
    expect(parsePrefix(b)!.overlaps(parsePrefix(a)!)).toBe(overlap);
    expect(parsePrefix(b)!.containsPrefix(parsePrefix(a)!)).toBe(aInB);
  });
});

describe('what an address is for, as peers have it', () => {
  it.each<readonly [peer: string, address: string, kind: string]>([
    ['ipaddr.js', '0.0.0.0', 'unspecified'],
    ['ipaddr.js', '10.1.0.1', 'private'],
    ['ipaddr.js', '100.64.0.0', 'shared'],
    ['ipaddr.js', '100.127.255.255', 'shared'],
    ['ipaddr.js', '192.168.2.1', 'private'],
    ['ipaddr.js', '224.100.0.1', 'multicast'],
    ['ipaddr.js', '169.254.15.0', 'link-local'],
    ['ipaddr.js', '127.1.1.1', 'loopback'],
    ['ipaddr.js', '255.255.255.255', 'broadcast'],
    ['ipaddr.js', '240.1.2.3', 'reserved'],
    ['ipaddr.js', '8.8.8.8', 'global'],
    ['ipaddr.js', '::', 'unspecified'],
    ['ipaddr.js', 'fe80::1234:5678:abcd:0123', 'link-local'],
    ['ipaddr.js', 'ff00::1234', 'multicast'],
    ['ipaddr.js', '::1', 'loopback'],
    ['ipaddr.js', '100::42', 'discard'],
    ['ipaddr.js', 'fc00::', 'unique-local'],
    ['ipaddr.js', '2001:2::', 'benchmarking'],
    ['ipaddr.js', '2001:db8::3210', 'documentation'],
    ['ipaddr.js', '2001:470:8:66::1', 'global'],
    ['netip', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'link-local'],
    ['netip', '::ffff:10.0.0.1', 'private'],
    ['ipaddress', 'fea0::', 'link-local'],
    ['ipaddress', 'fe7f:ffff::', 'global'],
    ['ipaddress', '::2', 'global'],
    ['realclientip', '127.0.0.2', 'loopback'],
    ['realclientip', 'fd12:3456:789a:1::1', 'unique-local'],
    ['realclientip', '198.18.5.5', 'benchmarking'],
    ['realclientip', '192.18.5.5', 'global'],
    ['realclientip', '::ffff:188.0.2.128', 'global'],
    ['ipware', '100.63.0.9', 'global'],
    ['ipware', '100.76.0.9', 'shared'],
    ['ipware', '100.128.0.9', 'global'],
  ])('%s: %s is %s', (_, address, kind) => {
    expect(classify(parseIp(address)!)).toBe(kind);
  });
});
