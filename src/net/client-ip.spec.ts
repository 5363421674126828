import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { twinParse, twinText } from '../../bench/address-twin.js';
import { type ClientIpHeaders, type ClientIpOptions, createClientIpResolver } from './client-ip.js';
import { parseIp } from './ip-address.js';

const PROXIES = ['10.0.0.0/8', '2001:db8:ffff::/48'];
const trusted = { strategy: 'trusted-proxies', proxies: PROXIES } as const;
const trustedForwarded = { ...trusted, header: 'forwarded' } as const;
const realIp = { strategy: 'header', header: 'X-Real-IP', proxies: PROXIES } as const;

/** The answer as `address source trusted`, short enough for a table. */
function resolve(
  options: ClientIpOptions,
  remoteAddress: string | undefined,
  headers: ClientIpHeaders = {},
): string {
  const { ip, source, trusted } = createClientIpResolver(options).resolve({
    remoteAddress,
    headers,
  });
  return `${ip?.toString() ?? 'nobody'} ${source}${trusted ? ' trusted' : ''}`;
}

const xff = (value: string | string[]) => ({ 'x-forwarded-for': value });

describe('strategy socket', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1 socket'],
    ['::ffff:192.0.2.1', '192.0.2.1 socket'],
    ['2001:DB8::1', '2001:db8::1 socket'],
    ['fe80::1%eth0', 'fe80::1 socket'],
    [undefined, 'nobody socket'],
    ['', 'nobody socket'],
    ['@', 'nobody socket'],
    ['ohno', 'nobody socket'],
    ['0.0.0.0', 'nobody socket'],
    ['::', 'nobody socket'],
  ])('%s is %s, whatever the headers say', (remoteAddress, expected) => {
    const headers = {
      'x-forwarded-for': '6.6.6.6',
      'x-real-ip': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      'cf-connecting-ip': '6.6.6.6',
    };
    expect(resolve({ strategy: 'socket' }, remoteAddress, headers)).toBe(expected);
  });

  it('is what one gets without options', () => {
    const { ip } = createClientIpResolver().resolve({
      remoteAddress: '192.0.2.1',
      headers: xff('6.6.6.6'),
    });
    expect(ip?.toString()).toBe('192.0.2.1');
  });
});

describe('strategy trusted-proxies', () => {
  it.each([
    ['no header from a stranger', '192.0.2.1', {}, '192.0.2.1 socket'],
    ['a header from a stranger', '192.0.2.1', xff('6.6.6.6'), '192.0.2.1 socket'],
    ['a stranger who names a proxy', '192.0.2.1', xff('6.6.6.6, 10.0.0.9'), '192.0.2.1 socket'],
    ['a client through a proxy', '10.0.0.1', xff('192.0.2.1'), '192.0.2.1 x-forwarded-for trusted'],
    ['a mapped peer', '::ffff:10.0.0.1', xff('192.0.2.1'), '192.0.2.1 x-forwarded-for trusted'],
    [
      'an IPv6 proxy',
      '2001:db8:ffff::1',
      xff('2001:db8::7'),
      '2001:db8::7 x-forwarded-for trusted',
    ],
    [
      'a client that forges the left',
      '10.0.0.1',
      xff('6.6.6.6, 192.0.2.1'),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'a client that forges a proxy',
      '10.0.0.1',
      xff('6.6.6.6, 10.0.0.9, 192.0.2.1'),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'a client that forges loopback',
      '10.0.0.1',
      xff('127.0.0.1, 192.0.2.1'),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'two proxies',
      '10.0.0.1',
      xff('6.6.6.6, 192.0.2.1, 10.0.0.2'),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'a proxy named as mapped',
      '10.0.0.1',
      xff('192.0.2.1, ::ffff:a00:2'),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'a private client that is no proxy',
      '10.0.0.1',
      xff('192.168.1.9'),
      '192.168.1.9 x-forwarded-for trusted',
    ],
    [
      'several lines',
      '10.0.0.1',
      xff(['6.6.6.6', '192.0.2.1, 10.0.0.2']),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'ports and brackets',
      '10.0.0.1',
      xff('[2001:db8::7]:4711, 10.0.0.2:80'),
      '2001:db8::7 x-forwarded-for trusted',
    ],
    ['only proxies', '10.0.0.1', xff('10.0.0.3, 10.0.0.2'), '10.0.0.3 x-forwarded-for trusted'],
    ['no header from a proxy', '10.0.0.1', {}, '10.0.0.1 socket trusted'],
    ['an empty header', '10.0.0.1', xff(''), '10.0.0.1 socket trusted'],
    [
      'garbage by the nearest proxy',
      '10.0.0.1',
      xff('6.6.6.6, nonsense'),
      '10.0.0.1 socket trusted',
    ],
    [
      'unknown by the nearest proxy',
      '10.0.0.1',
      xff('6.6.6.6, unknown'),
      '10.0.0.1 socket trusted',
    ],
    [
      'an empty entry',
      '10.0.0.1',
      xff('6.6.6.6, 192.0.2.1, ,'),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'garbage by the next proxy',
      '10.0.0.1',
      xff('6.6.6.6, unknown, 10.0.0.2'),
      '10.0.0.2 x-forwarded-for trusted',
    ],
    [
      'garbage left of the client',
      '10.0.0.1',
      xff('!!!, 192.0.2.1'),
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'octal, which some read as a proxy',
      '10.0.0.1',
      xff('6.6.6.6, 012.0.0.2'),
      '10.0.0.1 socket trusted',
    ],
    ['the other list', '10.0.0.1', { forwarded: 'for=6.6.6.6' }, '10.0.0.1 socket trusted'],
    [
      'the other list besides',
      '10.0.0.1',
      { ...xff('192.0.2.1'), forwarded: 'for=6.6.6.6' },
      '192.0.2.1 x-forwarded-for trusted',
    ],
    ['a UNIX socket', undefined, xff('6.6.6.6'), 'nobody socket'],
  ])('%s', (_what, peer, headers, expected) => {
    expect(resolve(trusted, peer, headers)).toBe(expected);
  });

  it.each([
    ['a client', 'for=192.0.2.1', '192.0.2.1 forwarded trusted'],
    [
      'quoted IPv6 with a port',
      'for="[2001:db8::7]:4711";proto=https',
      '2001:db8::7 forwarded trusted',
    ],
    [
      'two proxies',
      'for=6.6.6.6, for=192.0.2.1;by=10.0.0.9, for=10.0.0.2',
      '192.0.2.1 forwarded trusted',
    ],
    [
      'a quote that the client left open',
      'for="6.6.6.6, for=192.0.2.1',
      '192.0.2.1 forwarded trusted',
    ],
    ['unknown', 'for=6.6.6.6, for=unknown', '10.0.0.1 socket trusted'],
    ['an obfuscated name', 'for=6.6.6.6, for=_hidden, for=10.0.0.2', '10.0.0.2 forwarded trusted'],
    ['no for', 'for=6.6.6.6, proto=https', '10.0.0.1 socket trusted'],
  ])('Forwarded: %s', (_what, forwarded, expected) => {
    expect(resolve(trustedForwarded, '10.0.0.1', { forwarded, ...xff('7.7.7.7') })).toBe(expected);
  });

  it.each([
    [64, '192.0.2.1 x-forwarded-for trusted'],
    [65, '10.0.0.65 x-forwarded-for trusted'],
  ])('follows no more than 64 proxies: %i', (count, expected) => {
    const list = Array.from({ length: count }, (_, i) => `10.0.0.${count - i}`);
    expect(resolve(trusted, '10.0.0.1', xff(['192.0.2.1', ...list].join()))).toBe(expected);
  });

  it.each([
    ['loopback', '127.0.0.1', true],
    ['loopback', '::1', true],
    ['loopback', '10.0.0.1', false],
    ['linklocal', 'fe80::1%eth0', true],
    ['uniquelocal', 'fd00::1', true],
    ['uniquelocal', '192.168.1.1', true],
    ['private', '172.16.0.1', true],
    ['private', '172.32.0.1', false],
  ])('%s stands for the range of %s: %s', (word, peer, isTrusted) => {
    const answer = resolve(
      { strategy: 'trusted-proxies', proxies: [word] },
      peer,
      xff('192.0.2.1'),
    );
    expect(answer.startsWith('192.0.2.1')).toBe(isTrusted);
  });

  it('agrees with a slow reading of the list', () => {
    const isProxy = (text: string) => text.startsWith('10.') || text.startsWith('2001:db8:ffff:');
    const slowly = (peer: string, list: string[]): string => {
      let certain = peer;
      for (const entry of list.toReversed()) {
        if (!isProxy(certain)) break;
        if (entry.trim() === '') continue;
        const bare = entry
          .trim()
          .replace(/^\[(.*)\](:\d+)?$/, '$1')
          .replace(/^([\d.]+):\d+$/, '$1');
        const address = twinParse(bare);
        if (address === null || address.value === 0n) break;
        certain = twinText(address);
      }
      return certain;
    };
    const address = fc.oneof(
      fc.constantFrom(
        '10.0.0.1',
        '10.9.9.9',
        '::ffff:a00:2',
        '2001:db8:ffff::3',
        '2001:DB8:FFFF::4',
      ),
      fc.constantFrom(
        'unknown',
        '',
        'x',
        '1.2.2.355',
        '10.0.0.01',
        'fe80::1%1',
        '0.0.0.0',
        '[10.0.0.1',
        '1.2.3.4 ',
      ),
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4().map((ip) => `${ip}:80`),
      fc.ipV6().map((ip) => `[${ip}]:443`),
    );
    const resolver = createClientIpResolver(trusted);
    fc.assert(
      fc.property(
        fc.constantFrom('10.0.0.1', '192.0.2.1', '2001:db8:ffff::9'),
        fc.array(address, { maxLength: 8 }),
        (peer, list) => {
          const answer = resolver.resolve({
            remoteAddress: peer,
            headers: list.length > 0 ? xff(list.join(', ')) : {},
          });
          expect(answer.ip?.toString()).toBe(slowly(peer, list));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('gives the same answer whatever a client puts before what the proxies wrote', () => {
    const resolvers = [trusted, trustedForwarded, { strategy: 'hops', hops: 2 } as const].map(
      (options) => createClientIpResolver(options),
    );
    const forged = fc.string({
      unit: fc.constantFrom(...'",;=\\ \t[]:.0169af%', 'for=6.6.6.6', '10.0.0.9', 'unknown'),
      maxLength: 30,
    });
    fc.assert(
      fc.property(forged, (left) => {
        const headers = {
          'x-forwarded-for': `${left}, 192.0.2.1, 10.0.0.2`,
          forwarded: `${left}, for=192.0.2.1;proto=http, for="10.0.0.2:80"`,
        };
        for (const resolver of resolvers) {
          expect(resolver.resolve({ remoteAddress: '10.0.0.1', headers }).ip?.toString()).toBe(
            '192.0.2.1',
          );
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('strategy hops', () => {
  const hops = (count: number, header?: 'forwarded'): ClientIpOptions => ({
    strategy: 'hops',
    hops: count,
    header,
  });

  it.each([
    [0, '6.6.6.6', '192.0.2.9 socket'],
    [1, '6.6.6.6, 192.0.2.1', '192.0.2.1 x-forwarded-for trusted'],
    [2, '6.6.6.6, 192.0.2.1, 10.0.0.2', '192.0.2.1 x-forwarded-for trusted'],
    [3, '6.6.6.6, 192.0.2.1, 10.0.0.3, 10.0.0.2', '192.0.2.1 x-forwarded-for trusted'],
    // A list shorter than hops: a client can have written all of it.
    [2, '192.0.2.1', '192.0.2.9 socket trusted'],
    [3, '6.6.6.6, 192.0.2.1', '192.0.2.9 socket trusted'],
    [2, ', 192.0.2.1,,', '192.0.2.9 socket trusted'],
    [2, undefined, '192.0.2.9 socket trusted'],
    [1, '', '192.0.2.9 socket trusted'],
    // Garbage where a proxy should have put an address.
    [1, '6.6.6.6, unknown', '192.0.2.9 socket trusted'],
    [2, '6.6.6.6, unknown, 10.0.0.2', '10.0.0.2 x-forwarded-for trusted'],
    [2, 'unknown, 192.0.2.1, 10.0.0.2', '192.0.2.1 x-forwarded-for trusted'],
    // Who hides has a place all the same.
    [2, '6.6.6.6, 192.0.2.1, unknown', '192.0.2.1 x-forwarded-for trusted'],
    [3, '6.6.6.6, 192.0.2.1, _hidden, 10.0.0.2', '192.0.2.1 x-forwarded-for trusted'],
    [3, '6.6.6.6, 192.0.2.1, nonsense, 10.0.0.2', '10.0.0.2 x-forwarded-for trusted'],
    [2, 'unknown, unknown', '192.0.2.9 socket trusted'],
    // Empty entries are none.
    [2, '6.6.6.6, 192.0.2.1, , 10.0.0.2,', '192.0.2.1 x-forwarded-for trusted'],
  ])('%i: %j gives %s', (count, list, expected) => {
    expect(resolve(hops(count), '192.0.2.9', list === undefined ? {} : xff(list))).toBe(expected);
  });

  it('reads Forwarded when told', () => {
    const forwarded = 'for=6.6.6.6, for="[2001:db8::7]", for=10.0.0.2';
    expect(resolve(hops(2, 'forwarded'), '10.0.0.1', { forwarded })).toBe(
      '2001:db8::7 forwarded trusted',
    );
  });

  it.each([
    ['for=6.6.6.6, for=192.0.2.1, for=unknown', '192.0.2.1 forwarded trusted'],
    ['for=6.6.6.6, for=192.0.2.1, for="_gazonk:80"', '192.0.2.1 forwarded trusted'],
    ['for=6.6.6.6, for=192.0.2.1, by=10.0.0.1;proto=http', '192.0.2.1 forwarded trusted'],
    ['for=6.6.6.6, for=192.0.2.1, for=10.0.0.2;for=10.0.0.3', '10.0.0.1 socket trusted'],
    ['for=6.6.6.6, for=unknown, for=10.0.0.2', '10.0.0.2 forwarded trusted'],
    ['for=192.0.2.1', '10.0.0.1 socket trusted'],
  ])('counts in Forwarded who names nobody: %s', (forwarded, expected) => {
    expect(resolve(hops(2, 'forwarded'), '10.0.0.1', { forwarded })).toBe(expected);
  });

  it('knows nobody where the peer has no address', () => {
    expect(resolve(hops(1), undefined, xff('6.6.6.6'))).toBe('nobody socket');
  });
});

describe('strategy header', () => {
  it.each([
    ['from a proxy', '10.0.0.1', { 'x-real-ip': '192.0.2.1' }, '192.0.2.1 x-real-ip trusted'],
    [
      'with a port',
      '10.0.0.1',
      { 'x-real-ip': '[2001:db8::7]:80' },
      '2001:db8::7 x-real-ip trusted',
    ],
    ['from a stranger', '192.0.2.9', { 'x-real-ip': '6.6.6.6' }, '192.0.2.9 socket'],
    ['missing', '10.0.0.1', xff('6.6.6.6'), '10.0.0.1 socket trusted'],
    ['garbage', '10.0.0.1', { 'x-real-ip': 'nope' }, '10.0.0.1 socket trusted'],
    ['unspecified', '10.0.0.1', { 'x-real-ip': '0.0.0.0' }, '10.0.0.1 socket trusted'],
    [
      'twice: one is forged',
      '10.0.0.1',
      { 'x-real-ip': '6.6.6.6, 192.0.2.1' },
      '10.0.0.1 socket trusted',
    ],
    [
      'twice, as lines',
      '10.0.0.1',
      { 'x-real-ip': ['6.6.6.6', '192.0.2.1'] },
      '10.0.0.1 socket trusted',
    ],
    ['no peer', undefined, { 'x-real-ip': '6.6.6.6' }, 'nobody socket'],
  ])('%s', (_what, peer, headers, expected) => {
    expect(resolve(realIp, peer, headers as ClientIpHeaders)).toBe(expected);
  });
});

describe('the resolver', () => {
  it('never throws, whatever a request looks like', () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.array(fc.anything()),
      fc.string(),
      fc.constant(','.repeat(65_536)),
    );
    const resolvers = [
      { strategy: 'socket' } as const,
      trusted,
      trustedForwarded,
      realIp,
      { strategy: 'hops', hops: 3 } as const,
      { strategy: 'preset', preset: 'nginx' } as const,
    ].map((options) => createClientIpResolver(options, { onWarning: () => undefined }));
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom('10.0.0.1', '127.0.0.1'), fc.anything()),
        anything,
        anything,
        (peer, a, b) => {
          const headers = {
            'x-forwarded-for': a,
            forwarded: b,
            'x-real-ip': a,
          } as unknown as ClientIpHeaders;
          for (const resolver of resolvers)
            resolver.resolve({ remoteAddress: peer as string, headers });
        },
      ),
      { numRuns: 2_000 },
    );
    for (const resolver of resolvers) {
      for (const headers of [undefined, null, 1, 'text', [], Object.create(null) as unknown]) {
        const request = { remoteAddress: '10.0.0.1', headers: headers as ClientIpHeaders };
        expect(resolver.resolve(request).source).toBe('socket');
      }
    }
  });

  it('does not mix up requests that come after each other', () => {
    const resolver = createClientIpResolver(trusted);
    const peers = ['10.0.0.1', '192.0.2.1', undefined, '10.0.0.1', '@', '192.0.2.1', '10.0.0.1'];
    const answers = peers.map(
      (remoteAddress) => resolver.resolve({ remoteAddress, headers: {} }).ip?.toString() ?? null,
    );
    expect(answers).toEqual([
      '10.0.0.1',
      '192.0.2.1',
      null,
      '10.0.0.1',
      null,
      '192.0.2.1',
      '10.0.0.1',
    ]);
  });

  it('knows its proxies', () => {
    const resolver = createClientIpResolver(trusted);
    expect(resolver.trustedPrefixes.map(String)).toEqual(PROXIES);
    expect(resolver.isTrustedProxy(parseIp('10.9.9.9')!)).toBe(true);
    expect(resolver.isTrustedProxy(parseIp('192.0.2.1')!)).toBe(false);
    expect(createClientIpResolver({ strategy: 'hops', hops: 1 }).trustedPrefixes).toEqual([]);
    expect(createClientIpResolver().isTrustedProxy(parseIp('127.0.0.1')!)).toBe(false);
  });
});
