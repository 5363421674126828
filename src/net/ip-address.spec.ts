import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processorMs } from '../../test/support/processor-time.js';
import { twinParse, twinText } from '../../bench/address-twin.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { IpAddress, ipFromSocket, parseIp, parseIpAt, requireIp } from './ip-address.js';

/*
 * Notations an address comes in, and what each is here:
 *
 *   IPv4                       192.0.2.60                          itself
 *   IPv4, leading zeros        010.0.0.1, 192.168.00.1             refused (octal to some, decimal to others)
 *   IPv4, inet_aton forms      0x7f.1, 127.1, 2130706433           refused
 *   IPv6                       2001:db8::1                         itself
 *   IPv6, upper case, zeros    2001:0DB8:0::0001                   the same
 *   IPv6, dotted tail          64:ff9b::192.0.2.33                 itself
 *   IPv4-mapped, dotted        ::ffff:192.0.2.60                   its IPv4
 *   IPv4-mapped, hexadecimal   ::ffff:c000:23c                     its IPv4
 *   IPv4-compatible            ::192.0.2.60                        IPv6
 *   dotted, but not mapped     2001:db8::192.0.2.60                IPv6
 *   zone id                    fe80::1%eth0                        refused; stripped from a socket only
 *   port, brackets, space      192.0.2.60:80, [::1], " 192.0.2.1"  refused; headers have a reader of their own
 */

const addresses: [text: string, canonical: string][] = [
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['192.0.2.60', '192.0.2.60'],
  ['128.0.0.1', '128.0.0.1'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:0DB8:0000::0001', '2001:db8::1'],
  ['2607:f8b0:4004:83f::200e', '2607:f8b0:4004:83f::200e'],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  // RFC 5952 sections 4.2.2 and 4.2.3: no :: for one group, the longest run, the first of equals.
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['1:2:3:4:5:6::', '1:2:3:4:5:6::'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['0:0:1::', '0:0:1::'],
  // Tails in dots; only ::ffff:0:0/96 is mapped.
  ['64:ff9b::188.0.2.128', '64:ff9b::bc00:280'],
  ['2002:c000:204::', '2002:c000:204::'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ['::1.2.3.4', '::102:304'],
  ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
  ['2001:db8::1.2.3.4', '2001:db8::102:304'],
  ['::ffff:1.2.3.4', '1.2.3.4'],
  ['::FFFF:1.2.3.4', '1.2.3.4'],
  ['::fFFf:127.0.0.1', '127.0.0.1'],
  ['::ffff:102:304', '1.2.3.4'],
  ['::ffff:7f00:1', '127.0.0.1'],
  ['0:0:0:0:0:ffff:bc15:0006', '188.21.0.6'],
  ['0000:0000:0000:0000:0000:ffff:255.255.255.255', '255.255.255.255'],
  ['::ffff:0:0', '0.0.0.0'],
  ['::fffe:102:304', '::fffe:102:304'],
  ['::1:ffff:102:304', '::1:ffff:102:304'],
  ['::1:0:ffff:102:304', '::1:0:ffff:102:304'],
  ['1::ffff:102:304', '1::ffff:102:304'],
];

const refused: [why: string, text: string][] = [
  ['empty', ''],
  ['a space', ' '],
  ['a word', 'localhost'],
  ['one number', '1'],
  ['one number', '2130706433'],
  ['one hexadecimal number', '0x7f000001'],
  ['short form', '127.1'],
  ['short form', '127.0.1'],
  ['hexadecimal octet', '0x7f.0.0.1'],
  ['hexadecimal and short', '0x7f.1'],
  ['octal octet', '012.1.2.3'],
  ['octal octet', '0177.0.0.1'],
  ['octal at the end', '127.0.0.01'],
  ['leading zero', '1.2.03.4'],
  ['double zero', '192.168.00.1'],
  ['octet of 256', '256.0.0.1'],
  ['octet of 355', '1.2.2.355'],
  ['octet past 32 bits', '4294967297.0.0.1'],
  ['five octets', '1.2.3.4.5'],
  ['three octets', '1.2.3'],
  ['empty octet', '1..3.4'],
  ['dot before', '.1.2.3.4'],
  ['dot after', '1.2.3.4.'],
  ['dot after', '1.2.3.'],
  ['sign', '+1.2.3.4'],
  ['sign', '-1.2.3.4'],
  ['exponent', '1e1.2.3.4'],
  ['space before', ' 1.2.3.4'],
  ['space after', '1.2.3.4 '],
  ['space inside', '1. 2.3.4'],
  ['line break', '1.2.3.4\n'],
  ['NUL', '1.2.3.4\0'],
  ['port', '1.2.3.4:80'],
  ['prefix', '1.2.3.4/32'],
  ['full-width digits', '１.2.3.4'],
  ['full-width digit', '::１'],
  ['control character', '::\u0080'],
  ['full-width dots', '1．2．3．4'],
  ['arabic digits', '١.٢.٣.٤'],
  ['one colon', ':'],
  ['three colons', ':::'],
  ['three colons', ':::1'],
  ['three colons', '1:::2'],
  ['colon before', ':1:2:3:4:5:6:7:8'],
  ['colon before', ':1::'],
  ['colon after', '1:2:3:4:5:6:7:'],
  ['colon after', '1::2:'],
  ['two gaps', '1::2::3'],
  ['two gaps', '::1::'],
  ['gap for nothing', '1:2:3:4::5:6:7:8'],
  ['gap for nothing', '1:2:3:4:5:6:7:8::'],
  ['seven groups', '1:2:3:4:5:6:7'],
  ['nine groups', '1:2:3:4:5:6:7:8:9'],
  ['nine groups and a gap', '::1:2:3:4:5:6:7:8:9'],
  ['five digits', '12345::'],
  ['five digits', '::00001'],
  ['not hexadecimal', '2001:db8::g'],
  ['brackets', '[::1]'],
  ['brackets and port', '[::1]:80'],
  ['zone', 'fe80::1%eth0'],
  ['zone', 'fe80::1%1'],
  ['escaped zone', '::1%25eth0'],
  ['empty zone', 'fe80::1%'],
  ['zone of IPv4', '127.0.0.1%lo'],
  ['prefix', '::1/128'],
  ['dots not at the end', '::1.2.3.4:1'],
  ['dots too late', '1:2:3:4:5:6:7:1.2.3.4'],
  ['dots too late, after a gap', '::1:2:3:4:5:6:7:1.2.3.4'],
  ['dots too early', '1:2:3:4:5:1.2.3.4'],
  ['bad octet in the tail', '::ffff:1.2.3.256'],
  ['leading zero in the tail', '::ffff:1.2.3.04'],
  ['short tail', '::ffff:127.1'],
  ['hexadecimal octet in the tail', '::ffff:0x7f.0.0.1'],
  ['tail of dots only', '::.'],
  ['mapped word', '::ffff:'],
  ['one character too long', '0000:0000:0000:0000:0000:ffff:0255.255.255.255'],
  ['reverse lookup name', '1.0.0.127.in-addr.arpa'],
  ['IPvFuture', 'v1.fe80'],
  ['UNIX socket', '/run/app.sock'],
  ['UNIX socket', 'unix:'],
  ['undefined as text', 'undefined'],
];

describe('parseIp', () => {
  it.each(addresses)('reads %s as %s', (text, canonical) => {
    expect(parseIp(text)?.toString()).toBe(canonical);
    expect(parseIp(canonical)?.toString()).toBe(canonical);
  });

  it.each(refused)('refuses: %s (%j)', (_why, text) => {
    expect(parseIp(text)).toBeNull();
  });

  it.each([
    undefined,
    null,
    1,
    2130706433,
    {},
    [],
    ['1.2.3.4'],
    true,
    Symbol('1.2.3.4'),
    1n,
    () => '1.2.3.4',
  ])('refuses what is not a string, %#', (value) => {
    expect(parseIp(value as string)).toBeNull();
  });

  it('tells the family from the bits', () => {
    expect(parseIp('::ffff:1.2.3.4')?.family).toBe(4);
    expect(parseIp('::ffff:102:304')?.family).toBe(4);
    expect(parseIp('2001:db8::1.2.3.4')?.family).toBe(6);
    expect(parseIp('::1.2.3.4')?.family).toBe(6);
  });

  it('holds the bits as signed words', () => {
    expect(parseIp('255.0.0.1')).toMatchObject({ w0: 0xff000001 | 0, w1: 0, w2: 0, w3: 0 });
    expect(parseIp('8000:1::f000:2')).toMatchObject({
      w0: 0x80000001 | 0,
      w1: 0,
      w2: 0,
      w3: 0xf0000002 | 0,
    });
  });

  it('costs nothing for a megabyte', () => {
    for (const text of ['1', '1.', ':', '0:', '%', ' ', '1.2.3.4 ']) {
      const long = text.repeat(1_000_000 / text.length);
      // Each of its characters looked at but once, it would be a second and more.
      const costMs = processorMs(() => {
        for (let i = 0; i < 1000; i++) parseIp(long);
      });
      expect(costMs).toBeLessThan(100);
      expect(parseIp(long)).toBeNull();
    }
  });

  it('agrees with a slow twin and with net.isIP on anything that looks like an address', () => {
    const likeAnAddress = fc.oneof(
      fc.ipV4(),
      fc.ipV4Extended(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:::...%/ '), maxLength: 48 }),
      fc
        .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(50), fc.constantFrom(...'019afF:.% '))
        .map(([text, at, c]) => text.slice(0, at) + c + text.slice(at)),
      fc
        .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(50))
        .map(([text, at]) => text.slice(0, at) + text.slice(at + 1)),
    );
    fc.assert(
      fc.property(likeAnAddress, (text) => {
        const ip = parseIp(text);
        const twin = twinParse(text);
        expect(ip?.toString() ?? null).toBe(twin && twinText(twin));
        // Node takes a zone id.
        expect(ip !== null).toBe(isIP(text) !== 0 && !text.includes('%'));
      }),
      { numRuns: 20_000 },
    );
  });

  it('gives every address one text, which reads back as the address', () => {
    const word = fc.oneof(
      fc.constant(0),
      fc.constant(0xffff),
      fc.integer({ min: 0, max: 0xffffffff }),
    );
    fc.assert(
      fc.property(word, word, word, word, (w0, w1, w2, w3) => {
        const ip = IpAddress.fromV6(w0, w1, w2, w3);
        expect(parseIp(ip.toString())?.equals(ip)).toBe(true);
        const value = [w0, w1, w2, w3].reduce((sum, w) => (sum << 32n) + BigInt(w), 0n);
        expect(ip.toString()).toBe(
          twinText(ip.family === 4 ? { family: 4, value: BigInt(w3) } : { family: 6, value }),
        );
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('parseIpAt', () => {
  it.each<[text: string, start: number, end: number, expected: string | null]>([
    [`${'x'.repeat(40)}192.0.2.1`, 40, 49, '192.0.2.1'],
    [`${'x'.repeat(40)}2001:db8::1, x`, 40, 51, '2001:db8::1'],
    ['192.0.2.123', 0, 9, '192.0.2.1'],
    ['2001:db8::12', 0, 11, '2001:db8::1'],
    ['2001:db8::1.2.3.45', 0, 17, '2001:db8::102:304'],
    ['::1', 0, 2, '::'],
    ['::1', 0, 1, null],
    ['::1', 0, 0, null],
    ['1234:5::', 0, 4, null],
    ['123.0.0.1', 0, 3, null],
  ])('of %j, from %i to %i, is %s', (text, start, end, expected) => {
    expect(parseIpAt(text, start, end)?.toString() ?? null).toBe(expected);
  });
});

describe('IpAddress', () => {
  it('is equal by address, not by notation', () => {
    expect(parseIp('::ffff:10.1.2.3')!.equals(parseIp('10.1.2.3')!)).toBe(true);
    expect(parseIp('2001:DB8:0::1')!.equals(parseIp('2001:db8::1')!)).toBe(true);
    expect(parseIp('10.1.2.3')!.equals(parseIp('10.1.2.4')!)).toBe(false);
    expect(parseIp('1.2.3.4')!.equals(parseIp('102:304::')!)).toBe(false);
  });

  it.each(['1:2::', '0:0:1:2::', '::1:2:0:0', '::1:2'])('is not equal to :: as %s', (text) => {
    expect(parseIp('::')!.equals(parseIp(text)!)).toBe(false);
  });

  it('shows itself as its text in templates and in JSON', () => {
    const ip = parseIp('2001:DB8::1')!;
    expect(`${ip}`).toBe('2001:db8::1');
    expect(JSON.stringify({ ip })).toBe('{"ip":"2001:db8::1"}');
  });

  it('is made from signed and unsigned words alike', () => {
    expect(IpAddress.fromV4(0xc0000201).equals(IpAddress.fromV4(0xc0000201 | 0))).toBe(true);
    expect(IpAddress.fromV6(0, 0, 0xffff, 0xc0000201).toString()).toBe('192.0.2.1');
  });
});

describe('requireIp', () => {
  it('gives the address', () => {
    expect(requireIp('::ffff:192.0.2.1').toString()).toBe('192.0.2.1');
  });

  it.each([
    ['192.0.2.0/24', '"192.0.2.0/24"'],
    ['', '""'],
    ['1.2.3.4\u001b[31m', String.raw`"1.2.3.4\u001b[31m"`],
    ['9'.repeat(100), `"${'9'.repeat(64)}..."`],
    [undefined as unknown as string, 'undefined'],
  ])('says what is wrong with %j', (text, shown) => {
    expect(() => requireIp(text)).toThrow(
      new IpTrackingError(
        'IPT_INVALID_IP',
        `${shown} is not an IP address: write one such as 203.0.113.7 or 2001:db8::1`,
      ),
    );
  });
});

describe('ipFromSocket', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25', 'fe80::1'],
  ])('reads %s as %s', (text, expected) => {
    expect(ipFromSocket(text)?.toString()).toBe(expected);
  });

  it.each([
    undefined,
    '',
    '@',
    '/run/app.sock',
    'ohno',
    'ohno%eth0',
    '192.0.2.1%eth0',
    '%eth0',
    'fe80::1%',
    '::ffff:1.2.3.4%eth0',
  ])('knows no address in %j', (text) => {
    expect(ipFromSocket(text)).toBeNull();
  });
});
