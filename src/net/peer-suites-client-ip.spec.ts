import { describe, expect, it } from 'vitest';
import { type ClientIpHeaders, type ClientIpOptions, createClientIpResolver } from './client-ip.js';

/*
 * What the public test suites of peers say about headers, as facts: what is sent, whom the options trust, who the
 * client is. Where a peer answers otherwise, its answer stands beside ours, with the reason. Peers that are given no
 * peer address have a trusted one here, for a header from anybody else is not read; `nobody` is no address at all.
 *
 *   realclientip  realclientip-go, realclientip_test.go
 *   proxy-addr    jshttp/proxy-addr, test/test.js
 *   forwarded     jshttp/forwarded, test/test.js
 *   ipware        un33k/django-ipware and python-ipware, tests
 */
const PEER = '10.10.10.10';

function client(options: ClientIpOptions, remoteAddress: string | undefined, headers: unknown) {
  const resolver = createClientIpResolver(options);
  const { ip } = resolver.resolve({ remoteAddress, headers: headers as ClientIpHeaders });
  return ip?.toString() ?? 'nobody';
}

const trusting = (...proxies: string[]): ClientIpOptions => ({
  strategy: 'trusted-proxies',
  proxies: [PEER, ...proxies],
});
const trustingForwarded = (...proxies: string[]): ClientIpOptions => ({
  strategy: 'trusted-proxies',
  proxies: [PEER, ...proxies],
  header: 'forwarded',
});
const hops = (count: number, header?: 'forwarded'): ClientIpOptions => ({
  strategy: 'hops',
  hops: count,
  header,
});
const xff = (...lines: string[]) => ({ 'x-forwarded-for': lines });
const forwarded = (...lines: string[]) => ({ forwarded: lines });

const CERTAIN = 'an entry that names nobody ends the walk at the last address that is certain';
const NO_PEER = 'a header is believed for who sent it; where nobody can be named, none is read';
const LEFT = 'the left is what the client wrote';

describe('realclientip: RemoteAddrStrategy', () => {
  // The peer of a Go server has a port; Node's has none, and a text with one is not what a socket says.
  it.each([
    ['2.2.2.2', '2.2.2.2'],
    ['2607:f8b0:4004:83f::18', '2607:f8b0:4004:83f::18'],
    ['::ffff:172.21.0.6', '172.21.0.6'],
    ['0:0:0:0:0:ffff:bc15:0006', '188.21.0.6'],
    ['64:ff9b::188.0.2.128', '64:ff9b::bc00:280'],
    ['2002:c000:204::', '2002:c000:204::'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['', 'nobody'],
    ['ohno', 'nobody'],
    ['0.0.0.0', 'nobody'],
    ['::', 'nobody'],
    ['@', 'nobody'],
    // There `fe80::1111%eth0`: the zone is a name of this host's, and no part of the address.
    ['fe80::1111%eth0', 'fe80::1111'],
  ])('%j is %s', (peer, expected) => {
    expect(client({ strategy: 'socket' }, peer, xff('!!!'))).toBe(expected);
  });
});

describe('realclientip: SingleIPHeaderStrategy', () => {
  it.each([
    ['2.2.2.2:49489', '2.2.2.2'],
    ['1.1.1.1', '1.1.1.1'],
    ['[2607:f8b0:4004:83f::18]:3838', '2607:f8b0:4004:83f::18'],
    ['2607:f8b0:4004:83f::19', '2607:f8b0:4004:83f::19'],
    ['::ffff:172.21.0.6', '172.21.0.6'],
    ['[64:ff9b::188.0.2.128]:4747', '64:ff9b::bc00:280'],
    ['2002:c000:204::', '2002:c000:204::'],
    ['127.0.0.1', '127.0.0.1'],
    // There the empty answer; here the proxy that named nobody.
    ['nope', PEER],
    ['0.0.0.0', PEER],
    [undefined, PEER],
    // There with its zone: a header that names an interface of another host names nobody here.
    ['fe80::1111%zone', PEER],
    ['[fe80::1111%zone]:4848', PEER],
  ])('%j is %s', (value, expected) => {
    const headers = { 'true-client-ip': value, 'x-real-ip': '9.9.9.9', ...xff('3.3.3.3') };
    const options: ClientIpOptions = {
      strategy: 'header',
      header: 'True-Client-IP',
      proxies: [PEER],
    };
    expect(client(options, PEER, headers)).toBe(expected);
  });

  it.each(['', 'X-Forwarded-For'])('refuses the header %j', (header) => {
    expect(() => client({ strategy: 'header', header, proxies: [PEER] }, PEER, {})).toThrow(
      /clientIp\.header/,
    );
  });
});

describe('realclientip: RightmostTrustedCountStrategy', () => {
  const long = [
    '4.4.4.4, 5.5.5.5',
    '::1, fe80::382b:141b:fa4a:2a16%28',
    '7.7.7.7.7, 8.8.8.8, 9.9.9.9, 10.10.10.10,11.11.11.11, 12.12.12.12',
  ];

  it.each([
    [
      'count one',
      hops(1, 'forwarded'),
      forwarded('For="::ffff:bc15:0006"', 'host=what;for=6.6.6.6;proto=https'),
      '6.6.6.6',
    ],
    ['count five', hops(5), xff(...long), '8.8.8.8'],
  ])('%s', (_, options, headers, expected) => {
    expect(client(options, PEER, headers)).toBe(expected);
  });

  it.each([
    ['a count larger than the list', hops(50), xff(...long), '8.8.8.8'],
    [
      'a bad value at the count',
      hops(2, 'forwarded'),
      forwarded('For="::ffff:bc15:0006"', 'For=nope', 'for=6.6.6.6'),
      '6.6.6.6',
    ],
    [
      'zero at the count',
      hops(2, 'forwarded'),
      forwarded('For="::ffff:bc15:0006"', 'For=0.0.0.0', 'for=6.6.6.6'),
      '6.6.6.6',
    ],
    ['no header', hops(1, 'forwarded'), xff(...long), PEER],
  ])(`%s: no answer there, ${CERTAIN}`, (_, options, headers, expected) => {
    expect(client(options, PEER, headers)).toBe(expected);
  });

  it('refuses a negative count and another header; 0, refused there, is the socket', () => {
    expect(() => client(hops(-999), PEER, {})).toThrow(/clientIp\.hops/);
    expect(() => client(hops(1, 'X-Real-IP' as 'forwarded'), PEER, {})).toThrow(/clientIp\.header/);
    expect(client(hops(0), PEER, xff('2.2.2.2'))).toBe(PEER);
  });
});

describe('realclientip: RightmostTrustedRangeStrategy', () => {
  const list = xff('2.2.2.2:3384, 3.3.3.3', '4.4.4.4');

  it.each([
    ['no ranges', trusting(), list, '4.4.4.4'],
    ['one range', trusting('4.4.4.0/24'), list, '3.3.3.3'],
    ['one address', trusting('4.4.4.4'), list, '3.3.3.3'],
    [
      'many kinds of ranges',
      trustingForwarded(
        '2.2.2.2/32',
        '2607:f8b0:4004:83f::200e/128',
        '3.3.0.0/16',
        '2001:db7::/64',
        '::ffff:4.4.4.4/124',
        '64:ff9b::188.0.2.128/112',
      ),
      forwarded(
        'For=99.99.99.99, For=4.4.4.8, For="[2607:f8b0:4004:83f::200e]:4747"',
        'For=2.2.2.2:8883, For=64:ff9b::188.0.2.200, For=3.3.5.5, For=2001:db7::abcd',
      ),
      '99.99.99.99',
    ],
    [
      'a Cloudflare range',
      trusting('2400:cb00::/32'),
      xff('2.2.2.2:3384, 3.3.3.3', '4.4.4.4', '2400:cb00::1'),
      '4.4.4.4',
    ],
  ])('%s', (_, options, headers, expected) => {
    expect(client(options, PEER, headers)).toBe(expected);
  });

  it.each([
    ['9.9.9.9', '1.2.3.4, 10.0.0.1', '9.9.9.9'],
    ['9.9.9.9', '', '9.9.9.9'],
    ['fe80::1%eth0', '1.2.3.4', 'fe80::1'],
    ['10.0.0.5', '3.3.3.3, 10.0.0.1', '3.3.3.3'],
  ])('from %s, %j is %s', (peer, value, expected) => {
    expect(client(trusting('10.0.0.0/8'), peer, xff(value))).toBe(expected);
  });

  it.each(['@', '', 'ohno', '0.0.0.0'])(
    `from %j: 3.3.3.3 there, nobody here: ${NO_PEER}`,
    (peer) => {
      expect(client(trusting('10.0.0.0/8'), peer, xff('3.3.3.3, 10.0.0.1'))).toBe('nobody');
    },
  );

  it.each([
    ['only proxies', '2.2.2.2:3384, 2.2.2.3', '2.2.2.2'],
    ['an invalid end', 'nope, 2.2.2.2:3384, 2.2.2.3', '2.2.2.2'],
    ['an unspecified end', '::, 2.2.2.2:3384, 2.2.2.3', '2.2.2.2'],
  ])(`%s: no answer there, ${CERTAIN}`, (_, value, expected) => {
    expect(client(trusting('2.2.2.0/24'), PEER, xff(value, '2.2.2.4'))).toBe(expected);
  });
});

describe('realclientip: RightmostNonPrivateStrategy', () => {
  const local = ['private', 'loopback', 'linklocal'];

  it.each([
    ['2.2.2.2:3384, 3.3.3.3, 4.4.4.4:39333', '4.4.4.4'],
    ['[2607:f8b0:4004:83f::18]:3838', '2607:f8b0:4004:83f::18'],
    ['3.3.3.3, 4.4.4.4, ::ffff:188.0.2.128', '188.0.2.128'],
    ['3.3.3.3, 4.4.4.4,[::ffff:188.0.2.128]:48483', '188.0.2.128'],
    ['3.3.3.3, 4.4.4.4, 64:ff9b::188.0.2.128', '64:ff9b::bc00:280'],
  ])('%j is %s', (value, expected) => {
    expect(client(trusting(...local), PEER, xff(value))).toBe(expected);
  });

  it.each([
    ['4.4.4.4, 5.5.5.5, ::1, nope', '5.5.5.5', PEER],
    ['::1, nope, 192.168.1.1, !?!, ::, 0.0.0.0', 'no answer', PEER],
  ])(`%j: %s there, %s here: ${CERTAIN}`, (value, _, expected) => {
    expect(client(trusting(...local), PEER, xff(value))).toBe(expected);
  });
});

describe('realclientip: LeftmostNonPrivateStrategy', () => {
  it.each([
    ['2.2.2.2:3384, 3.3.3.3, 4.4.4.4', '2.2.2.2', '4.4.4.4'],
    ['[2607:f8b0:4004:83f::18]:3838, 3.3.3.3, 4.4.4.4', '2607:f8b0:4004:83f::18', '4.4.4.4'],
    ['::1, nope, 4.4.4.4, 5.5.5.5', '4.4.4.4', '5.5.5.5'],
  ])(`%j: %s there, %s here: ${LEFT}`, (value, _, expected) => {
    expect(client(trusting(), PEER, xff(value))).toBe(expected);
    expect(client(hops(1), PEER, xff(value))).toBe(expected);
  });
});

describe('realclientip: an item of Forwarded', () => {
  it.each([
    ['For="[2607:f8b0:4004:83f::200e]:4711"', '2607:f8b0:4004:83f::200e'],
    ['fOR="[2607:f8b0:4004:83f::200e]"', '2607:f8b0:4004:83f::200e'],
    ['for="2607:f8b0:4004:83f::200e"', '2607:f8b0:4004:83f::200e'],
    ['FOR=[2607:f8b0:4004:83f::200e]', '2607:f8b0:4004:83f::200e'],
    ['For=[2607:f8b0:4004:83f::200e]:4711', '2607:f8b0:4004:83f::200e'],
    ['FoR=192.0.2.60:4711', '192.0.2.60'],
    ['for=192.0.2.60', '192.0.2.60'],
    ['for="192.0.2.60"', '192.0.2.60'],
    ['for="192.0.2.60:4823"', '192.0.2.60'],
    ['by=1.1.1.1; for=2.2.2.2;host=myhost; proto=https', '2.2.2.2'],
    ['by=1::1;host=myhost;for=2::2;proto=https', '2::2'],
    ['by=1::1;host=myhost;proto=https;for=2.2.2.2', '2.2.2.2'],
    ['for="[::ffff:188.0.2.128]"', '188.0.2.128'],
    ['for="[::ffff:188.0.2.128]:49428"', '188.0.2.128'],
    ['for="[0:0:0:0:0:ffff:bc15:0006]"', '188.21.0.6'],
    ['for="[64:ff9b::188.0.2.128]"', '64:ff9b::bc00:280'],
    ['for=127.0.0.1', '127.0.0.1'],
    ['for="[::1]"', '::1'],
    ['for=192.0.2.999', PEER],
    ['for="2607:f8b0:4004:83f::999999"', PEER],
    ['for="_test"', PEER],
    ['for=', PEER],
    ['for="1.1.1.1', PEER],
    ['for="::1]"', PEER],
    ['for="[0:0:0:0:0:ffff:bc15:0006"]', PEER],
    ['ads\x00jkl&#*(383fdljk', PEER],
    ['for=1.1.1.\\1', PEER],
    ['For="1.1.1.1, For=2.2.2.2', '2.2.2.2'],
    ['For=1.1.1.1;@!=😀, For=2.2.2.2', '2.2.2.2'],
    ['For=1.1.1.1;For=2.2.2.2, For=3.3.3.3', '3.3.3.3'],
  ])('%j is %s', (value, expected) => {
    expect(client(hops(1, 'forwarded'), PEER, forwarded(value))).toBe(expected);
  });

  it.each([
    ['For="[fe80::abcd%zone]:4711"', 'fe80::abcd%zone', PEER, 'zones name nobody'],
    ['for= 1.1.1.1', '1.1.1.1', PEER, 'RFC 7239 section 4 has no space there'],
    ['For="3.3.3.\\3"', 'refused', '3.3.3.3', 'a quoted pair, RFC 9110 section 5.6.4'],
    ['For="[1.1.1.1]"', '1.1.1.1', PEER, 'brackets hold IPv6, RFC 3986 section 3.2.2'],
    ['For=1.1.1.1;@!=😀', '1.1.1.1', PEER, 'an element that is not well-formed is not guessed at'],
    ['For=1.1.1.1;For=2.2.2.2', '1.1.1.1', PEER, 'RFC 7239 section 4 forbids it'],
  ])('%j: %s there, %s here: %s', (value, _, expected) => {
    expect(client(hops(1, 'forwarded'), PEER, forwarded(value))).toBe(expected);
  });

  it('takes a comma in quotes for text, where it separates there', () => {
    const value = 'For="1.1.1.1, For=2.2.2.2, For=3.3.3.3", For="4.4.4.4"';
    expect(client(hops(1, 'forwarded'), PEER, forwarded(value))).toBe('4.4.4.4');
    // There the second entry from the right is unreadable and the third 2.2.2.2, out of a quoted text.
    expect(client(hops(2, 'forwarded'), PEER, forwarded(value))).toBe('4.4.4.4');
    expect(client(hops(3, 'forwarded'), PEER, forwarded(value))).toBe('4.4.4.4');
  });
});

describe('proxy-addr', () => {
  const only = (...proxies: string[]): ClientIpOptions => ({
    strategy: 'trusted-proxies',
    proxies,
  });

  it.each<readonly [peer: string | undefined, value: string, proxies: string[], expected: string]>([
    ['127.0.0.1', '10.0.0.1, 10.0.0.2', ['10.0.0.0/8'], '127.0.0.1'],
    ['10.0.0.1', '192.168.0.1', ['10.0.0.0/8'], '192.168.0.1'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.2', ['10.0.0.0/8'], '192.168.0.1'],
    ['10.0.0.1', '10.0.0.3, 192.168.0.1, 10.0.0.2', ['10.0.0.0/8'], '192.168.0.1'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.2', ['10.0.0.1', '10.0.0.2'], '192.168.0.1'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.2', ['127.0.0.1', '192.168.0.100'], '10.0.0.1'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.200', ['10.0.0.2/26'], '10.0.0.200'],
    ['fe80::1', '2002:c000:203::1, fe80::2', ['fe80::1', 'fe80::2'], '2002:c000:203::1'],
    ['fe80::1', '2002:c000:203::1, fe80::ff00', ['fe80::/125'], 'fe80::ff00'],
    ['::1', '2002:c000:203::1', ['127.0.0.1', '::1'], '2002:c000:203::1'],
    ['::1', '2002:c000:203::1', ['127.0.0.1'], '::1'],
    ['::ffff:a00:1', '192.168.0.1, 10.0.0.2', ['10.0.0.1', '10.0.0.2'], '192.168.0.1'],
    ['::ffff:a00:1', '192.168.0.1, 10.0.0.2', ['10.0.0.1/16'], '192.168.0.1'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.2', ['::ffff:a00:1', '::ffff:a00:2'], '192.168.0.1'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.200', ['::ffff:a00:2/122'], '10.0.0.200'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.200', ['::ffff:a00:2/122', 'fe80::/125'], '10.0.0.200'],
    ['10.0.0.1', '192.168.0.1, 10.0.0.200', ['::ffff:a00:2/122', '127.0.0.1'], '10.0.0.200'],
    ['fe80::1', '2002:c000:203::1, fe80::2', ['linklocal'], '2002:c000:203::1'],
    ['::1', '2002:c000:203::1, fe80::2', ['loopback', 'linklocal'], '2002:c000:203::1'],
    [undefined, '127.0.0.1, 10.0.0.1', ['127.0.0.1'], 'nobody'],
  ])('from %s, %j with %j is %s', (peer, value, proxies, expected) => {
    expect(client(only(...proxies), peer, xff(value))).toBe(expected);
  });

  it.each<readonly [peer: string, value: string, proxies: string[], theirs: string, ours: string]>([
    [
      '10.0.0.1',
      '192.168.0.1, 10.0.0.2, localhost',
      ['10.0.0.1', '10.0.0.2'],
      'localhost',
      '10.0.0.1',
    ],
    ['127.0.0.1', 'myrouter, 127.0.0.1, proxy', ['127.0.0.1'], 'proxy', '127.0.0.1'],
    [
      '127.0.0.1',
      'myrouter, 127.0.0.1, ::8:8:8:8:8:8:8:8:8',
      ['127.0.0.1'],
      '::8:8:8:8:8:8:8:8:8',
      '127.0.0.1',
    ],
  ])(`from %s, %j with %j: %s there, %s here: ${CERTAIN}`, (peer, value, proxies, _, ours) => {
    expect(client(only(...proxies), peer, xff(value))).toBe(ours);
  });

  it.each([
    ['blargh'],
    ['10.0.300.1'],
    ['::ffff:30.168.1.9000'],
    ['-1'],
    ['10.0.0.1/internet'],
    ['10.0.0.1/6000'],
    ['::1/6000'],
    ['::ffff:a00:2/136'],
    ['::ffff:a00:2/-46'],
    ['10.0.0.1/255.0.255.0'],
    ['fe80::/ffc0::'],
    // Read there as 26 bits.
    ['10.0.0.2/255.255.255.192'],
  ])('refuses to trust %j', (proxy) => {
    expect(() => client(only(proxy), PEER, {})).toThrow(/clientIp\.proxies\[0\]/);
  });

  it('refuses to trust nobody and everybody, which are a strategy and a mistake here', () => {
    expect(() => client(only(), PEER, {})).toThrow(/strategy: 'socket'/);
    expect(() => client(only('0.0.0.0/0'), PEER, {})).toThrow(/trusts every IPv4/);
    expect(() => client(only(42 as unknown as string), PEER, {})).toThrow(/clientIp\.proxies\[0\]/);
  });
});

describe('forwarded', () => {
  it.each([
    ['10.0.0.2, 10.0.0.1', 1, '10.0.0.1'],
    ['10.0.0.2, 10.0.0.1', 2, '10.0.0.2'],
    [' 10.0.0.1 ', 1, '10.0.0.1'],
  ])('%j, entry %i is %s', (value, count, expected) => {
    expect(client(hops(count), '127.0.0.1', xff(value))).toBe(expected);
  });

  it.each(['10.0.0.2,, 10.0.0.1', ' 10.0.0.2 ,  , 10.0.0.1 '])(
    '%j, entry 2 is 10.0.0.2: blanks are skipped',
    (value) => {
      expect(client(hops(2), '127.0.0.1', xff(value))).toBe('10.0.0.2');
    },
  );
});

describe('ipware', () => {
  const v4 = '177.139.233.139, 198.84.193.157, 198.84.193.158';
  const v6 = '3ffe:1900:4545:3:200:f8ff:fe21:67cf, 2606:4700:4700::1111, 2001:4860:4860::8888';
  const V4_PROXIES = ['198.84.193.157', '198.84.193.158'];
  const V6_PROXIES = ['2606:4700:4700::1111', '2001:4860:4860::8888'];

  it.each([
    ['a list of proxies', v4, trusting(...V4_PROXIES), '177.139.233.139'],
    [
      'a list of proxies and more on the left',
      `177.139.233.138, ${v4}`,
      trusting(...V4_PROXIES),
      '177.139.233.139',
    ],
    ['a prefix of proxies', v4, trusting('198.84.193.0/24'), '177.139.233.139'],
    ['a list of IPv6 proxies', v6, trusting(...V6_PROXIES), '3ffe:1900:4545:3:200:f8ff:fe21:67cf'],
    [
      'IPv6 and more on the left',
      `2001:4860:4860::7777,${v6}`,
      trusting(...V6_PROXIES),
      '3ffe:1900:4545:3:200:f8ff:fe21:67cf',
    ],
    // Its counts leave out the TCP peer.
    ['a count of 1', v4, hops(2), '198.84.193.157'],
    ['a count of 2', v4, hops(3), '177.139.233.139'],
    ['the order from the right', v4, hops(1), '198.84.193.158'],
    ['a mapped private address', '::ffff:127.0.0.1', hops(1), '127.0.0.1'],
    ['a mapped public address', '::ffff:177.139.233.139', hops(1), '177.139.233.139'],
    ['a mapped address with a port', '[::ffff:177.139.233.139]:80', hops(1), '177.139.233.139'],
    ['a port', '177.139.233.139:80', hops(1), '177.139.233.139'],
    [
      'a port of IPv6',
      '[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:443',
      hops(1),
      '3ffe:1900:4545:3:200:f8ff:fe21:67cf',
    ],
    ['upper case', '2606:4700::6810:84E5', hops(1), '2606:4700::6810:84e5'],
    ['zeros', '2606:4700:0:0:0:0:6810:84e5', hops(1), '2606:4700::6810:84e5'],
    [
      'a private client through a proxy',
      '10.0.0.1, 198.84.193.157',
      trusting('198.84.193.157'),
      '10.0.0.1',
    ],
    [
      'a public hop left of a private client',
      '177.139.233.139, 10.0.0.1, 198.84.193.157',
      trusting('198.84.193.157'),
      '10.0.0.1',
    ],
  ])('%s', (_, value, options, expected) => {
    expect(client(options, PEER, xff(value))).toBe(expected);
  });

  it.each([
    ['the leftmost of a list', v4, trusting(), '177.139.233.139', '198.84.193.158', LEFT],
    [
      'one proxy known, one not',
      v4,
      trusting('198.84.193.158'),
      '177.139.233.139',
      '198.84.193.157',
      LEFT,
    ],
    [
      'a list shorter than the count',
      '177.139.233.139',
      hops(2),
      'no answer',
      PEER,
      'a client can have written all of a list that is too short',
    ],
    [
      'an end that is no proxy',
      '3ffe::1, 2606:4700:4700::1111, 74dc::2bb',
      trusting(...V6_PROXIES),
      'no answer',
      '74dc::2bb',
      'who is no proxy is the client',
    ],
    [
      'garbage on the left',
      `unknown, ${v4}`,
      trusting(...V4_PROXIES),
      'no answer',
      '177.139.233.139',
      LEFT,
    ],
    ['quotes', '"177.139.233.139"', hops(1), '177.139.233.139', PEER, 'X-Forwarded-For has none'],
    [
      'a pair of Forwarded',
      'for=177.139.233.139',
      hops(1),
      '177.139.233.139',
      PEER,
      'X-Forwarded-For has none',
    ],
    [
      'a multicast address',
      '224.0.0.1',
      hops(1),
      'no answer',
      '224.0.0.1',
      'an address is not judged by what it is for',
    ],
  ])('%s, %j', (_what, value, options, _theirs, ours, _why) => {
    expect(client(options, PEER, xff(value))).toBe(ours);
  });

  it('refuses the beginning of an address as a proxy', () => {
    expect(() => client(trusting('198.84.193'), PEER, {})).toThrow(/clientIp\.proxies\[1\]/);
  });

  it.each([
    'x-forwarded-for',
    'x_forwarded_for',
    'client-ip',
    'x-client-ip',
    'x-real-ip',
    'x-forwarded',
    'x-cluster-client-ip',
    'forwarded-for',
    'forwarded',
    'cf-connecting-ip',
    'true-client-ip',
    'fastly-client-ip',
  ])('believes %s there; here no strategy reads a header it was not told of', (header) => {
    const headers = { [header]: '177.139.233.139' };
    expect(client({ strategy: 'socket' }, '177.139.233.133', headers)).toBe('177.139.233.133');
    const named: ClientIpOptions = {
      strategy: 'header',
      header: 'x-my-proxy-client',
      proxies: ['177.139.233.133'],
    };
    expect(client(named, '177.139.233.133', headers)).toBe('177.139.233.133');
    expect(client(trusting(), '177.139.233.133', headers)).toBe('177.139.233.133');
  });

  it('prefers a public address from any header there; here the peer decides whose word counts', () => {
    const headers = { ...xff('10.0.0.0'), 'x-real-ip': '177.139.233.139' };
    expect(client(trusting(), PEER, headers)).toBe('10.0.0.0');
    expect(client({ strategy: 'socket' }, '192.168.1.1', headers)).toBe('192.168.1.1');
  });
});
