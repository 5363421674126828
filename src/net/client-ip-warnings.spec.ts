import { describe, expect, it } from 'vitest';
import { type ClientIpOptions, type ClientIpWarning, createClientIpResolver } from './client-ip.js';

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
      { strategy: 'hops', hops: 1 },
      [['10.0.0.1', xff('8.8.8.8, 10.0.0.2')]],
      'private-client-ip',
      'clientIp.hops',
    ],
    [
      'too many hops',
      { strategy: 'hops', hops: 2 },
      [['10.0.0.1', xff('8.8.8.8')]],
      'too-few-hops',
      'clientIp.hops, which is 2',
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
