import { describe, expect, it } from 'vitest';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { type ClientIpOptions, createClientIpResolver } from './client-ip.js';

/** The error that the options give, or `undefined`. */
function errorOf(options: unknown): IpTrackingError | undefined {
  try {
    createClientIpResolver(options as ClientIpOptions);
    return undefined;
  } catch (error) {
    if (error instanceof IpTrackingError) return error;
    throw error;
  }
}

const proxies = (...list: unknown[]) => ({ strategy: 'trusted-proxies', proxies: list });
const header = (name: unknown) => ({ strategy: 'header', header: name, proxies: ['loopback'] });
const hops = (count: unknown) => ({ strategy: 'hops', hops: count });

describe('options of the client IP', () => {
  it.each([
    // Shape.
    ['null', null, 'IPT_INVALID_OPTION', 'clientIp is null'],
    ['a text', 'socket', 'IPT_INVALID_OPTION', 'clientIp is "socket"'],
    ['a list', ['socket'], 'IPT_INVALID_OPTION', 'strategy'],
    ['no strategy', {}, 'IPT_INVALID_OPTION', 'socket, trusted-proxies, hops, header, preset'],
    ['a strategy mistyped', { strategy: 'trusted-proxy' }, 'IPT_INVALID_OPTION', '"trusted-proxy"'],
    [
      'a strategy mistyped',
      { strategy: 'sockets' },
      'IPT_INVALID_OPTION',
      'Did you mean "socket"?',
    ],
    ['Express style', { strategy: true }, 'IPT_INVALID_OPTION', 'clientIp.strategy is true'],
    ['an inherited name', { strategy: 'constructor' }, 'IPT_INVALID_OPTION', 'Use one of'],
    [
      'an option mistyped',
      { ...proxies('loopback'), heade: 'forwarded' },
      'IPT_UNKNOWN_OPTION',
      'Did you mean "header"?',
    ],
    [
      'an option of another strategy',
      { strategy: 'socket', hops: 1 },
      'IPT_UNKNOWN_OPTION',
      'belongs to "hops"',
    ],
    [
      'an option of nobody',
      { ...hops(1), trustProxy: true },
      'IPT_UNKNOWN_OPTION',
      'clientIp.trustProxy',
    ],
    ['a header of 129 characters', header('x'.repeat(129)), 'IPT_INVALID_HEADER', 'X-Real-IP'],
    ['a list that is no text', { ...hops(1), header: 4 }, 'IPT_INVALID_HEADER', 'header is 4'],
    // Proxies.
    [
      'no proxies',
      { strategy: 'trusted-proxies' },
      'IPT_NO_PROXIES',
      'clientIp.proxies is undefined',
    ],
    ['an empty list', proxies(), 'IPT_NO_PROXIES', 'clientIp.proxies is an empty array'],
    [
      'a text for a list',
      { strategy: 'trusted-proxies', proxies: '10.0.0.0/8' },
      'IPT_NO_PROXIES',
      '"10.0.0.0/8"',
    ],
    ['true for a list', { strategy: 'trusted-proxies', proxies: true }, 'IPT_NO_PROXIES', 'true'],
    [
      'no prefix',
      proxies('10.0.0.0/33'),
      'IPT_INVALID_PREFIX',
      'clientIp.proxies[0] is "10.0.0.0/33"',
    ],
    [
      'no prefix, further on',
      proxies('10.0.0.0/8', 'nginx'),
      'IPT_INVALID_PREFIX',
      'clientIp.proxies[1] is "nginx"',
    ],
    ['a word mistyped', proxies('lopback'), 'IPT_INVALID_PREFIX', 'Did you mean "loopback"?'],
    ['an inherited word', proxies('toString'), 'IPT_INVALID_PREFIX', '"toString"'],
    ['a number', proxies(10), 'IPT_INVALID_PREFIX', 'clientIp.proxies[0] is 10'],
    ['a netmask', proxies('10.0.0.0/255.0.0.0'), 'IPT_INVALID_PREFIX', '255.0.0.0'],
    ['a zone', proxies('fe80::1%eth0'), 'IPT_INVALID_PREFIX', 'eth0'],
    // Trust in everybody.
    ['all IPv4', proxies('0.0.0.0/0'), 'IPT_TRUST_ALL_PROXIES', 'every IPv4'],
    ['all IPv4, host bits set', proxies('10.0.0.0/0'), 'IPT_TRUST_ALL_PROXIES', 'every IPv4'],
    ['all IPv4, as mapped', proxies('::ffff:0:0/96'), 'IPT_TRUST_ALL_PROXIES', 'every IPv4'],
    [
      'all IPv4, in halves',
      proxies('0.0.0.0/1', '128.0.0.0/1'),
      'IPT_TRUST_ALL_PROXIES',
      'every IPv4',
    ],
    [
      'all IPv4, in pieces',
      proxies('0.0.0.0/2', '192.0.0.0/2', '64.0.0.0/2', '128.0.0.0/2'),
      'IPT_TRUST_ALL_PROXIES',
      'IPv4',
    ],
    ['all IPv6', proxies('::/0'), 'IPT_TRUST_ALL_PROXIES', '::/0'],
    ['all public IPv6', proxies('2000::/3'), 'IPT_TRUST_ALL_PROXIES', 'every IPv6'],
    [
      'all public IPv6, in halves',
      proxies('2000::/4', '3000::/4'),
      'IPT_TRUST_ALL_PROXIES',
      'every IPv6',
    ],
    ['just more than mapped', proxies('::ffff:0:0/95'), 'IPT_TRUST_ALL_PROXIES', '::ffff:0:0/96'],
    [
      'a mapped address with an IPv4 length',
      proxies('::ffff:10.0.0.0/8'),
      'IPT_TRUST_ALL_PROXIES',
      '::ffff:0:0/96',
    ],
    ['what swallows mapped', proxies('::/80'), 'IPT_TRUST_ALL_PROXIES', '::/80'],
    [
      'in a header strategy too',
      { ...header('x-real-ip'), proxies: ['::/0'] },
      'IPT_TRUST_ALL_PROXIES',
      'clientIp.proxies',
    ],
    [
      'in a preset too',
      { strategy: 'preset', preset: 'nginx', proxies: ['0.0.0.0/0'] },
      'IPT_TRUST_ALL_PROXIES',
      'clientIp.proxies',
    ],
    // Headers.
    [
      'a list where one address is due',
      header('X-Forwarded-For'),
      'IPT_INVALID_HEADER',
      'trusted-proxies',
    ],
    ['a list where one address is due', header('forwarded'), 'IPT_INVALID_HEADER', 'X-Real-IP'],
    ['Via', header('Via'), 'IPT_INVALID_HEADER', '"Via"'],
    ['no header', { strategy: 'header', proxies: ['loopback'] }, 'IPT_INVALID_HEADER', 'undefined'],
    ['an empty header', header(''), 'IPT_INVALID_HEADER', '""'],
    ['no name of a header', header('x real ip'), 'IPT_INVALID_HEADER', 'x real ip'],
    ['no name of a header', header('x-real-ip:'), 'IPT_INVALID_HEADER', 'x-real-ip:'],
    ['several headers', header(['x-real-ip']), 'IPT_INVALID_HEADER', 'is an array'],
    [
      'one address where a list is due',
      { ...proxies('loopback'), header: 'x-real-ip' },
      'IPT_INVALID_HEADER',
      "strategy: 'header'",
    ],
    [
      'a list mistyped',
      { ...hops(1), header: 'x-forwarded-fro' },
      'IPT_INVALID_HEADER',
      'Did you mean "x-forwarded-for"?',
    ],
    // Hops.
    ['negative hops', hops(-1), 'IPT_INVALID_HOPS', '-1'],
    ['fractional hops', hops(1.5), 'IPT_INVALID_HOPS', '1.5'],
    ['no hops', hops(undefined), 'IPT_INVALID_HOPS', 'undefined'],
    ['NaN hops', hops(NaN), 'IPT_INVALID_HOPS', 'NaN'],
    ['endless hops', hops(Infinity), 'IPT_INVALID_HOPS', 'Infinity'],
    ['too many hops', hops(65), 'IPT_INVALID_HOPS', '65'],
    ['hops as text', hops('1'), 'IPT_INVALID_HOPS', '"1"'],
    ['hops as true', hops(true), 'IPT_INVALID_HOPS', 'true'],
    // Presets.
    [
      'an unknown preset',
      { strategy: 'preset', preset: 'akamai' },
      'IPT_UNKNOWN_PRESET',
      'Use one of: cloudflare',
    ],
    [
      'a preset mistyped',
      { strategy: 'preset', preset: 'cloudflair' },
      'IPT_UNKNOWN_PRESET',
      'Did you mean "cloudflare"?',
    ],
    ['no preset', { strategy: 'preset' }, 'IPT_UNKNOWN_PRESET', 'undefined'],
    [
      'an inherited preset',
      { strategy: 'preset', preset: 'toString' },
      'IPT_UNKNOWN_PRESET',
      'toString',
    ],
    [
      'a preset without a published list',
      { strategy: 'preset', preset: 'aws-alb' },
      'IPT_NO_PROXIES',
      'subnets',
    ],
    [
      'a preset without a usable list',
      { strategy: 'preset', preset: 'cloudfront' },
      'IPT_NO_PROXIES',
      'CLOUDFRONT_ORIGIN_FACING',
    ],
  ])('refuses %s (%j)', (_what, options, code, text) => {
    const error = errorOf(options);
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(text);
    expect(error?.message).toContain('clientIp');
  });

  it.each([
    [{ strategy: 'socket' }],
    [{ strategy: 'socket', proxies: undefined }],
    [
      proxies(
        '10.0.0.0/8',
        '2001:db8::1',
        'loopback',
        'linklocal',
        'uniquelocal',
        'private',
        ' 192.0.2.1 ',
      ),
    ],
    [proxies('::ffff:10.0.0.0/104')],
    [proxies('0.0.0.0/1')],
    [{ ...proxies('loopback'), header: 'Forwarded' }],
    [hops(0)],
    [hops(64)],
    [header('CF-Connecting-IP')],
    [header('x'.repeat(128))],
    [proxies('0.0.0.0/3', '32.0.0.0/3', '128.0.0.0/1')],
    [proxies('3000::/4')],
    [proxies('2000::/5', '3000::/4')],
    [{ strategy: 'preset', preset: 'cloudflare' }],
    [{ strategy: 'preset', preset: 'aws-alb', proxies: ['10.0.0.0/24'] }],
  ])('takes %j', (options) => {
    expect(errorOf(options)).toBeUndefined();
  });

  it('keeps a long value out of its message', () => {
    const message = errorOf({ strategy: 'x'.repeat(100_000) })!.message;
    expect(message.length).toBeLessThan(300);
  });

  it('does not change when the list of proxies does', () => {
    const list = ['10.0.0.0/8'];
    const resolver = createClientIpResolver({ strategy: 'trusted-proxies', proxies: list });
    list.push('192.0.2.0/24');
    expect(resolver.trustedPrefixes).toHaveLength(1);
  });
});
