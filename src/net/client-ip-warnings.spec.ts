import { describe, expect, it } from 'vitest';
import {
  type ClientIpOptions,
  type ClientIpPreset,
  type ClientIpWarning,
  createClientIpResolver,
} from './client-ip.js';

type Seen = [peer: string, headers: Record<string, string>];

/** The warnings that a row of requests gives, each request sent twice. */
function warningsOf(options: ClientIpOptions, ...requests: Seen[]): ClientIpWarning[] {
  const warnings: ClientIpWarning[] = [];
  const resolver = createClientIpResolver(options, {
    onWarning: (warning) => warnings.push(warning),
  });
  for (const [remoteAddress, headers] of requests) {
    resolver.resolve({ remoteAddress, headers });
    resolver.resolve({ remoteAddress, headers });
  }
  return warnings;
}

const socket = { strategy: 'socket' } as const;
const trusted: ClientIpOptions = { strategy: 'trusted-proxies', proxies: ['10.0.0.0/8'] };
const preset = (name: ClientIpPreset, ...proxies: string[]): ClientIpOptions => ({
  strategy: 'preset',
  preset: name,
  proxies,
});
const hops = (count: number): ClientIpOptions => ({ strategy: 'hops', hops: count });
const xff = (list: string) => ({ 'x-forwarded-for': list });

describe('warnings about the client IP', () => {
  it.each([
    [
      'a header that socket ignores',
      socket,
      [['10.0.0.1', xff('192.0.2.1')]],
      'forwarded-header-ignored',
      'x-forwarded-for',
    ],
    [
      'Forwarded that socket ignores',
      socket,
      [['10.0.0.1', { forwarded: 'for=1' }]],
      'forwarded-header-ignored',
      '10.0.0.1',
    ],
    [
      'a header from a stranger',
      trusted,
      [['192.0.2.9', xff('6.6.6.6')]],
      'header-from-untrusted-peer',
      '192.0.2.9',
    ],
    ['a proxy that names nobody', trusted, [['10.0.0.1', {}]], 'proxy-without-address', '10.0.0.1'],
    [
      'a private client next to public ones',
      trusted,
      [
        ['10.0.0.1', xff('8.8.8.8')],
        ['10.0.0.1', xff('172.18.0.1')],
      ],
      'private-client-ip',
      '172.18.0.1',
    ],
    [
      'a private client with a public one behind it',
      trusted,
      [['10.0.0.1', xff('8.8.8.8, 172.18.0.1')]],
      'private-client-ip',
      '172.18.0.1',
    ],
    [
      'too few hops',
      hops(1),
      [['10.0.0.1', xff('8.8.8.8, 10.0.0.2')]],
      'private-client-ip',
      'clientIp.hops',
    ],
    [
      'too many hops',
      hops(2),
      [['10.0.0.1', xff('8.8.8.8')]],
      'too-few-hops',
      'clientIp.hops, which is 2',
    ],
    [
      'one entry for three hops',
      hops(3),
      [['10.0.0.1', xff('8.8.8.8')]],
      'too-few-hops',
      'has 1 entry in x-forwarded-for',
    ],
    [
      'two entries for three hops',
      hops(3),
      [['10.0.0.1', xff('6.6.6.6, 8.8.8.8')]],
      'too-few-hops',
      'has 2 entries in x-forwarded-for',
    ],
    ['no entry for two hops', hops(2), [['10.0.0.1', {}]], 'proxy-without-address', '10.0.0.1'],
    [
      'a client without a name',
      hops(2),
      [['10.0.0.1', xff('unknown, 10.0.0.5')]],
      'proxy-without-address',
      'The trusted proxy 10.0.0.5 ',
    ],
    [
      'a proxy of the preset cloudflare that names nobody',
      preset('cloudflare', '10.0.0.0/8'),
      [['10.0.0.1', { 'cf-connecting-ip': '8.8.8.8' }]],
      'proxy-without-address',
      '10.0.0.1 sent a request without a readable client address in x-forwarded-for',
    ],
    [
      'a private client of the preset cloudflare with a public one behind it',
      preset('cloudflare', '10.0.0.0/8'),
      [['10.0.0.1', xff('8.8.8.8, 172.18.0.1')]],
      'private-client-ip',
      '172.18.0.1',
    ],
    [
      'a proxy of the preset google-lb that names nobody',
      preset('google-lb', '10.0.0.0/8'),
      [['10.0.0.1', {}]],
      'proxy-without-address',
      '10.0.0.1',
    ],
    [
      'a private client of the preset google-lb with a public one behind it',
      preset('google-lb', '10.0.0.0/8'),
      [['10.0.0.1', xff('8.8.8.8, 172.18.0.1')]],
      'private-client-ip',
      '172.18.0.1',
    ],
    [
      'a private client with a public one eight entries behind it',
      trusted,
      [['10.0.0.1', xff(`8.8.8.8, ${'192.168.1.9, '.repeat(6)}unknown, 172.18.0.1`)]],
      'private-client-ip',
      '172.18.0.1',
    ],
    [
      'trust in half of the internet',
      { strategy: 'trusted-proxies', proxies: ['128.0.0.0/1'] },
      [],
      'trust-too-wide',
      '128.0.0.0/1',
    ],
    [
      'trust in an IPv6 registry',
      { strategy: 'trusted-proxies', proxies: ['2a00::/12'] },
      [],
      'trust-too-wide',
      '2a00::/12',
    ],
    [
      'trust in the lower half of IPv4',
      { strategy: 'trusted-proxies', proxies: ['0.0.0.0/1'] },
      [],
      'trust-too-wide',
      '0.0.0.0/1',
    ],
    [
      'trust in IPv6 whose first bits would be multicast in IPv4',
      { strategy: 'trusted-proxies', proxies: ['e000::/8'] },
      [],
      'trust-too-wide',
      'e000::/8',
    ],
    [
      'nginx headers that differ',
      { strategy: 'preset', preset: 'nginx' },
      [['127.0.0.1', { ...xff('8.8.8.8'), 'x-real-ip': '6.6.6.6' }]],
      'conflicting-headers',
      'proxy_set_header',
    ],
  ] as [string, ClientIpOptions, Seen[], string, string][])(
    '%s, once',
    (_what, options, requests, kind, says) => {
      const warnings = warningsOf(options, ...requests);
      expect(warnings.map((warning) => warning.kind)).toEqual([kind]);
      expect(warnings[0]!.message).toContain(says);
    },
  );

  it.each([
    ['a direct request', socket, [['192.0.2.1', {}]]],
    ['private clients of a private app', socket, [['192.168.1.2', {}]]],
    [
      'private clients only',
      trusted,
      [
        ['10.0.0.1', xff('192.168.1.2')],
        ['10.0.0.1', xff('192.168.1.3')],
      ],
    ],
    ['a client through a proxy', trusted, [['10.0.0.1', xff('6.6.6.6, 8.8.8.8')]]],
    ['a direct request past the proxy', trusted, [['192.0.2.1', {}]]],
    [
      'private clients behind a private one',
      trusted,
      [['10.0.0.1', xff('192.168.1.9, unknown, 172.18.0.1')]],
    ],
    [
      'a public address far behind a private client',
      trusted,
      [['10.0.0.1', xff(`8.8.8.8, ${'192.168.1.9, '.repeat(8)}172.18.0.1`)]],
    ],
    [
      'a private client in a header of its own',
      { strategy: 'header', header: 'X-Real-IP', proxies: ['10.0.0.0/8'] },
      [['10.0.0.1', { 'x-real-ip': '192.168.1.2' }]],
    ],
    [
      'a client of the preset google-lb',
      preset('google-lb', '10.0.0.0/8'),
      [['10.0.0.1', xff('8.8.8.8')]],
    ],
    [
      'trust in IPv4 multicast, which nobody has for an address',
      { strategy: 'trusted-proxies', proxies: ['224.0.0.0/4'] },
      [],
    ],
    [
      'local names for proxies',
      { strategy: 'trusted-proxies', proxies: ['uniquelocal', 'linklocal', 'loopback'] },
      [],
    ],
  ] as [string, ClientIpOptions, Seen[]][])(
    'nothing to say about %s',
    (_what, options, requests) => {
      expect(warningsOf(options, ...requests)).toEqual([]);
    },
  );

  it('does not repeat what a client sent', () => {
    const [warning] = warningsOf(socket, ['192.0.2.1', xff('<script>\r\nforged log line')]);
    expect(warning!.message).not.toContain('script');
  });

  it('survives a logger that throws', () => {
    const resolver = createClientIpResolver(socket, {
      onWarning: () => {
        throw new Error('disk full');
      },
    });
    expect(
      resolver.resolve({ remoteAddress: '192.0.2.1', headers: xff('1.1.1.1') }).ip?.toString(),
    ).toBe('192.0.2.1');
  });
});

describe('who forwards for others, and is taken for the client', () => {
  const forwardersOf = (options: ClientIpOptions, ...requests: Seen[]): string[] => {
    const told: string[] = [];
    const resolver = createClientIpResolver(options, {
      onForwarder: (address) => void told.push(address.toString()),
    });
    for (const [remoteAddress, headers] of requests) resolver.resolve({ remoteAddress, headers });
    return told;
  };

  it.each([
    ['a proxy where none is trusted', socket, [['10.0.0.1', xff('8.8.8.8')]], '10.0.0.1'],
    ['a proxy with its own header', socket, [['10.0.0.1', { 'x-real-ip': '8.8.8.8' }]], '10.0.0.1'],
    ['a proxy that is not listed', trusted, [['192.0.2.9', xff('8.8.8.8')]], '192.0.2.9'],
    [
      'a second proxy that is not listed',
      trusted,
      [['10.0.0.1', xff('8.8.8.8, 172.18.0.1')]],
      '172.18.0.1',
    ],
    ['a proxy that was not counted', hops(1), [['10.0.0.1', xff('8.8.8.8, 10.0.0.2')]], '10.0.0.2'],
    ['a proxy where more were counted', hops(2), [['10.0.0.1', xff('8.8.8.8')]], '10.0.0.1'],
  ] as [string, ClientIpOptions, Seen[], string][])(
    'is told, each time: %s',
    (_what, options, requests, address) => {
      expect(forwardersOf(options, ...requests, ...requests)).toEqual([address, address]);
    },
  );

  it.each([
    ['a client', socket, [['192.0.2.1', {}]]],
    ['a trusted proxy', trusted, [['10.0.0.1', xff('8.8.8.8')]]],
    ['a private client', trusted, [['10.0.0.1', xff('192.168.1.2')]]],
    ['a client that made up the left of a list', trusted, [['10.0.0.1', xff('6.6.6.6, 8.8.8.8')]]],
  ] as [string, ClientIpOptions, Seen[]][])('is not %s', (_what, options, requests) => {
    expect(forwardersOf(options, ...requests)).toEqual([]);
  });

  it.each([
    ['a header that is ignored', socket, '10.0.0.1', '8.8.8.8'],
    ['a private client', trusted, '10.0.0.1', '8.8.8.8, 172.18.0.1'],
  ] as [string, ClientIpOptions, string, string][])(
    'is told each time where the warning is given once: %s',
    (_what, options, remoteAddress, list) => {
      let told = 0;
      const kinds: string[] = [];
      const resolver = createClientIpResolver(options, {
        onWarning: ({ kind }) => kinds.push(kind),
        onForwarder: () => void told++,
      });
      for (let i = 0; i < 3; i++) resolver.resolve({ remoteAddress, headers: xff(list) });
      expect(told).toBe(3);
      expect(kinds).toHaveLength(1);
    },
  );

  it('costs no request where whoever is told throws', () => {
    const resolver = createClientIpResolver(socket, {
      onForwarder: () => {
        throw new Error('no');
      },
    });
    expect(
      resolver.resolve({ remoteAddress: '192.0.2.1', headers: xff('1.1.1.1') }).ip?.toString(),
    ).toBe('192.0.2.1');
  });
});
