import { describe, expect, it } from 'vitest';
import type { ClientIpOptions } from './client-ip.js';
import { describeClientIp } from './describe-client-ip.js';

const proxies = ['10.0.0.0/8', 'loopback'];

describe('describeClientIp', () => {
  it.each<[options: ClientIpOptions, expected: string]>([
    [{ strategy: 'socket' }, 'the socket; no header is believed'],
    [
      { strategy: 'trusted-proxies', proxies },
      'x-forwarded-for, the rightmost address that is not one of 10.0.0.0/8, loopback',
    ],
    [
      { strategy: 'trusted-proxies', proxies, header: 'forwarded' },
      'forwarded, the rightmost address that is not one of 10.0.0.0/8, loopback',
    ],
    [{ strategy: 'hops', hops: 2 }, 'x-forwarded-for, 2 hops away'],
    [{ strategy: 'hops', hops: 2, header: 'forwarded' }, 'forwarded, 2 hops away'],
    [{ strategy: 'header', header: 'X-Real-IP', proxies }, 'X-Real-IP, from 10.0.0.0/8, loopback'],
    [{ strategy: 'preset', preset: 'nginx' }, 'the preset "nginx"'],
  ])('%j', (options, expected) => {
    expect(describeClientIp(options)).toBe(expected);
  });
});
