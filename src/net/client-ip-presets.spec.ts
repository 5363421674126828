import { describe, expect, it } from 'vitest';
import { type ClientIpHeaders, type ClientIpPreset, createClientIpResolver } from './client-ip.js';
import { parseIp } from './ip-address.js';

const CLOUDFLARE = '173.245.48.9';
const FASTLY = '151.101.1.9';
const GOOGLE = '35.191.4.5';

function resolve(
  preset: ClientIpPreset,
  peer: string | undefined,
  headers: ClientIpHeaders,
  proxies?: string[],
): string {
  const resolver = createClientIpResolver({ strategy: 'preset', preset, proxies });
  const { ip, source, trusted } = resolver.resolve({ remoteAddress: peer, headers });
  return `${ip?.toString() ?? 'nobody'} ${source}${trusted ? ' trusted' : ''}`;
}

describe('preset cloudflare', () => {
  const cf = { 'cf-connecting-ip': '192.0.2.1' };

  it.each([
    ['from an edge', CLOUDFLARE, cf, undefined, '192.0.2.1 cf-connecting-ip trusted'],
    ['from an IPv6 edge', '2606:4700::9', cf, undefined, '192.0.2.1 cf-connecting-ip trusted'],
    [
      'an IPv6 client',
      CLOUDFLARE,
      { 'cf-connecting-ip': '2001:DB8::1' },
      undefined,
      '2001:db8::1 cf-connecting-ip trusted',
    ],
    ['from anywhere else', '192.0.2.9', cf, undefined, '192.0.2.9 socket'],
    ['from loopback', '127.0.0.1', cf, undefined, '127.0.0.1 socket'],
    [
      'no header',
      CLOUDFLARE,
      { 'x-forwarded-for': '6.6.6.6' },
      undefined,
      `${CLOUDFLARE} socket trusted`,
    ],
    [
      'garbage',
      CLOUDFLARE,
      { 'cf-connecting-ip': 'unknown' },
      undefined,
      `${CLOUDFLARE} socket trusted`,
    ],
    [
      'through an own proxy',
      '10.0.0.1',
      { ...cf, 'x-forwarded-for': `6.6.6.6, 192.0.2.1, ${CLOUDFLARE}` },
      ['10.0.0.0/8'],
      '192.0.2.1 cf-connecting-ip trusted',
    ],
    [
      'past Cloudflare to the own proxy, with a forged header',
      '10.0.0.1',
      { 'cf-connecting-ip': '6.6.6.6', 'x-forwarded-for': '6.6.6.6, 192.0.2.9' },
      ['10.0.0.0/8'],
      '192.0.2.9 x-forwarded-for trusted',
    ],
    ['an own proxy that names nobody', '10.0.0.1', cf, ['10.0.0.0/8'], '10.0.0.1 socket trusted'],
  ])('%s', (_what, peer, headers, proxies, expected) => {
    expect(resolve('cloudflare', peer, headers as ClientIpHeaders, proxies)).toBe(expected);
  });

  it('trusts its published ranges and the own proxies', () => {
    const resolver = createClientIpResolver({
      strategy: 'preset',
      preset: 'cloudflare',
      proxies: ['10.0.0.0/8'],
    });
    for (const proxy of [CLOUDFLARE, '2400:cb00::1', '10.0.0.1']) {
      expect(resolver.isTrustedProxy(parseIp(proxy)!)).toBe(true);
    }
    expect(resolver.isTrustedProxy(parseIp('1.1.1.1')!)).toBe(false);
    expect(resolver.trustedPrefixes.map(String)).toContain('104.16.0.0/13');
  });
});

describe('preset fastly', () => {
  it.each([
    [
      'from a POP',
      FASTLY,
      { 'x-forwarded-for': '6.6.6.6, 192.0.2.1' },
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'from a shield POP',
      FASTLY,
      { 'x-forwarded-for': '6.6.6.6, 192.0.2.1, 146.75.0.9' },
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'Fastly-Client-IP, which a client can set',
      FASTLY,
      { 'fastly-client-ip': '6.6.6.6' },
      `${FASTLY} socket trusted`,
    ],
    ['from anywhere else', '192.0.2.9', { 'x-forwarded-for': '6.6.6.6' }, '192.0.2.9 socket'],
  ])('%s', (_what, peer, headers, expected) => {
    expect(resolve('fastly', peer, headers as ClientIpHeaders)).toBe(expected);
  });
});

describe('preset google-lb', () => {
  it.each([
    [
      'client and balancer',
      GOOGLE,
      '192.0.2.1, 198.51.100.9',
      undefined,
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'a forged left',
      GOOGLE,
      '6.6.6.6, 192.0.2.1, 198.51.100.9',
      undefined,
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'a forged front end',
      GOOGLE,
      `6.6.6.6, ${GOOGLE}, 192.0.2.1, 198.51.100.9`,
      undefined,
      '192.0.2.1 x-forwarded-for trusted',
    ],
    ['one entry only', GOOGLE, '6.6.6.6', undefined, `${GOOGLE} socket trusted`],
    [
      'garbage for the client',
      GOOGLE,
      '6.6.6.6, x, 198.51.100.9',
      undefined,
      `${GOOGLE} socket trusted`,
    ],
    [
      'an own proxy behind it',
      '10.0.0.1',
      `6.6.6.6, 192.0.2.1, 198.51.100.9, ${GOOGLE}`,
      ['10.0.0.0/8'],
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'an own proxy before it',
      GOOGLE,
      '192.0.2.1, 10.0.0.7, 198.51.100.9',
      ['10.0.0.0/8'],
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'past it to the own proxy',
      '10.0.0.1',
      '6.6.6.6, 192.0.2.1',
      ['10.0.0.0/8'],
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'past it to the own proxy, with two entries made up',
      '10.0.0.1',
      '6.6.6.6, 7.7.7.7, 192.0.2.1',
      ['10.0.0.0/8'],
      '192.0.2.1 x-forwarded-for trusted',
    ],
    ['from anywhere else', '192.0.2.9', '6.6.6.6, 7.7.7.7', undefined, '192.0.2.9 socket'],
  ])('%s', (_what, peer, list, proxies, expected) => {
    expect(resolve('google-lb', peer, { 'x-forwarded-for': list }, proxies)).toBe(expected);
  });

  it('trusts its published ranges and the own proxies', () => {
    const resolver = createClientIpResolver({
      strategy: 'preset',
      preset: 'google-lb',
      proxies: ['10.0.0.0/8'],
    });
    expect(resolver.trustedPrefixes.map(String)).toEqual([
      '35.191.0.0/16',
      '130.211.0.0/22',
      '2600:2d00:1:1::/64',
      '2600:2d00:1:b029::/64',
      '10.0.0.0/8',
    ]);
  });
});

describe('preset nginx', () => {
  it.each([
    [
      'both headers',
      { 'x-real-ip': '192.0.2.1', 'x-forwarded-for': '192.0.2.1' },
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'both, the list forged',
      { 'x-real-ip': '192.0.2.1', 'x-forwarded-for': '6.6.6.6, 192.0.2.1' },
      '192.0.2.1 x-forwarded-for trusted',
    ],
    ['X-Real-IP alone', { 'x-real-ip': '192.0.2.1' }, '192.0.2.1 x-real-ip trusted'],
    [
      'X-Forwarded-For alone',
      { 'x-forwarded-for': '6.6.6.6, 192.0.2.1' },
      '192.0.2.1 x-forwarded-for trusted',
    ],
    [
      'only the list set, X-Real-IP forged',
      { 'x-real-ip': '6.6.6.6', 'x-forwarded-for': '192.0.2.1' },
      '127.0.0.1 socket trusted',
    ],
    [
      'only X-Real-IP set, the list forged',
      { 'x-real-ip': '192.0.2.1', 'x-forwarded-for': '6.6.6.6' },
      '127.0.0.1 socket trusted',
    ],
    [
      'X-Real-IP twice',
      { 'x-real-ip': '6.6.6.6, 192.0.2.1', 'x-forwarded-for': '192.0.2.1' },
      '127.0.0.1 socket trusted',
    ],
    [
      'a list that names nobody',
      { 'x-real-ip': '192.0.2.1', 'x-forwarded-for': 'unknown' },
      '127.0.0.1 socket trusted',
    ],
    ['garbage', { 'x-real-ip': 'unix:' }, '127.0.0.1 socket trusted'],
    ['neither', {}, '127.0.0.1 socket trusted'],
  ])('%s', (_what, headers, expected) => {
    expect(resolve('nginx', '127.0.0.1', headers as ClientIpHeaders)).toBe(expected);
  });

  it('believes a local proxy only, unless told where it is', () => {
    const headers = { 'x-real-ip': '6.6.6.6', 'x-forwarded-for': '6.6.6.6' };
    expect(resolve('nginx', '172.17.0.1', headers)).toBe('172.17.0.1 socket');
    expect(resolve('nginx', '172.17.0.1', headers, ['172.17.0.0/16'])).toBe(
      '6.6.6.6 x-forwarded-for trusted',
    );
    expect(resolve('nginx', '::1', headers)).toBe('6.6.6.6 x-forwarded-for trusted');
  });

  it('takes whom nginx saw for the client, on this host too, unless loopback is listed', () => {
    const headers = { 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '6.6.6.6, 127.0.0.1' };
    expect(resolve('nginx', '127.0.0.1', headers)).toBe('127.0.0.1 x-forwarded-for trusted');
    const list = { 'x-forwarded-for': '6.6.6.6, ::1' };
    expect(resolve('nginx', '::1', list)).toBe('::1 x-forwarded-for trusted');
    expect(resolve('nginx', '127.0.0.1', headers, ['loopback'])).toBe(
      '6.6.6.6 x-forwarded-for trusted',
    );
  });

  it('goes on through a balancer that is listed', () => {
    const headers = { 'x-real-ip': '10.0.0.5', 'x-forwarded-for': '6.6.6.6, 192.0.2.1, 10.0.0.5' };
    expect(resolve('nginx', '127.0.0.1', headers, ['loopback', '10.0.0.5'])).toBe(
      '192.0.2.1 x-forwarded-for trusted',
    );
    expect(resolve('nginx', '127.0.0.1', headers)).toBe('10.0.0.5 x-forwarded-for trusted');
  });
});

describe.each(['aws-alb', 'cloudfront'] as const)('preset %s', (preset) => {
  it('goes through the proxies it was given', () => {
    const list = { 'x-forwarded-for': '6.6.6.6, 192.0.2.1, 130.176.0.9' };
    expect(resolve(preset, '10.0.0.1', list, ['10.0.0.0/24', '130.176.0.0/16'])).toBe(
      '192.0.2.1 x-forwarded-for trusted',
    );
    expect(resolve(preset, '10.0.1.1', list, ['10.0.0.0/24'])).toBe('10.0.1.1 socket');
  });
});

describe('every preset', () => {
  it.each(['cloudflare', 'fastly', 'google-lb', 'nginx'] as const)(
    '%s knows nobody without a peer',
    (preset) => {
      expect(
        resolve(preset, undefined, { 'x-forwarded-for': '6.6.6.6', 'cf-connecting-ip': '6.6.6.6' }),
      ).toBe('nobody socket');
    },
  );
});
