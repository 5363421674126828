import { describe, expect, it } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import { checkByDns, type NameResolver } from './crawler-check.js';
import { CRAWLERS } from './crawlers.js';
import { isBelow, reverseName } from './dns-name.js';

const ip = (text: string) => parseIp(text)!;
const crawler = (name: string) => CRAWLERS.find((one) => one.name === name)!;

type Answer = string[] | Error;
const TIMEOUT = Object.assign(new Error('queryPtr ETIMEOUT'), { code: 'ETIMEOUT' });
const SERVFAIL = Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' });

/** DNS as two tables; what is in neither is not there. */
function zone(names: Record<string, Answer>, addresses: Record<string, Answer> = {}) {
  const asked: string[] = [];
  const answer = (found: Answer = []) =>
    found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  const resolver: NameResolver = {
    reverse: (address) => answer(names[address.toString()]),
    forward: (name, family) => {
      asked.push(`${name} ${family}`);
      return answer(addresses[name]);
    },
  };
  return { resolver, asked };
}

const GOOGLE_IP = '192.0.2.1';
const GOOGLE_NAME = 'crawl-192-0-2-1.googlebot.com';

async function verdict(
  address: string,
  names: Record<string, Answer>,
  addresses?: Record<string, Answer>,
  claim = 'Googlebot',
) {
  const { resolver } = zone(names, addresses);
  return (await checkByDns(ip(address), crawler(claim), resolver)).verdict;
}

describe('forward-confirmed reverse DNS', () => {
  it.each<[string, string, Record<string, Answer>, Record<string, Answer>, string]>([
    [
      'a name that leads back',
      'verified',
      { [GOOGLE_IP]: [GOOGLE_NAME] },
      { [GOOGLE_NAME]: [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a name with the dot of the root, in capitals',
      'verified',
      { [GOOGLE_IP]: ['CRAWL.GoogleBot.com.'] },
      { 'crawl.googlebot.com': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a name further below',
      'verified',
      { [GOOGLE_IP]: ['a.geo.googlebot.com'] },
      { 'a.geo.googlebot.com': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a name that leads to several addresses',
      'verified',
      { [GOOGLE_IP]: [GOOGLE_NAME] },
      { [GOOGLE_NAME]: ['192.0.2.9', GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'several names, of which one leads back',
      'verified',
      { [GOOGLE_IP]: ['mail.example', 'x.googlebot.com', GOOGLE_NAME] },
      { 'x.googlebot.com': ['192.0.2.9'], [GOOGLE_NAME]: [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a mapped address',
      'verified',
      { [GOOGLE_IP]: [GOOGLE_NAME] },
      { [GOOGLE_NAME]: [GOOGLE_IP] },
      `::ffff:${GOOGLE_IP}`,
    ],
    [
      'an answer that is mapped',
      'verified',
      { [GOOGLE_IP]: [GOOGLE_NAME] },
      { [GOOGLE_NAME]: [`::ffff:${GOOGLE_IP}`] },
      GOOGLE_IP,
    ],
    [
      'an IPv6 address, written otherwise',
      'verified',
      { '2001:db8::1': ['c.googlebot.com'] },
      { 'c.googlebot.com': ['2001:DB8:0::1'] },
      '2001:db8:0:0::1',
    ],
    [
      'one name that leads back, while another cannot be asked for',
      'verified',
      { [GOOGLE_IP]: ['x.googlebot.com', GOOGLE_NAME] },
      { 'x.googlebot.com': SERVFAIL, [GOOGLE_NAME]: [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a name that does not lead back (complaint: forged PTR)',
      'refuted',
      { [GOOGLE_IP]: [GOOGLE_NAME] },
      { [GOOGLE_NAME]: ['192.0.2.9'] },
      GOOGLE_IP,
    ],
    [
      'a name that leads nowhere (legitbot#85)',
      'refuted',
      { [GOOGLE_IP]: [GOOGLE_NAME] },
      {},
      GOOGLE_IP,
    ],
    [
      'another address of the same /64',
      'refuted',
      { '2001:db8::1': ['c.googlebot.com'] },
      { 'c.googlebot.com': ['2001:db8::2'] },
      '2001:db8::1',
    ],
    [
      'googlebot.com.evil.example',
      'refuted',
      { [GOOGLE_IP]: ['crawl.googlebot.com.evil.example'] },
      { 'crawl.googlebot.com.evil.example': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'evilgooglebot.com',
      'refuted',
      { [GOOGLE_IP]: ['crawl.evilgooglebot.com'] },
      { 'crawl.evilgooglebot.com': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a name of somebody else',
      'refuted',
      { [GOOGLE_IP]: ['ec2.example'] },
      { 'ec2.example': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    ['no name', 'refuted', {}, {}, GOOGLE_IP],
    ['a name that cannot be asked for', 'unknown', { [GOOGLE_IP]: TIMEOUT }, {}, GOOGLE_IP],
    [
      'a way back that cannot be asked for',
      'unknown',
      { [GOOGLE_IP]: [GOOGLE_NAME] },
      { [GOOGLE_NAME]: SERVFAIL },
      GOOGLE_IP,
    ],
    [
      'one that does not lead back, and one that cannot be asked for',
      'unknown',
      { [GOOGLE_IP]: [GOOGLE_NAME, 'x.googlebot.com'] },
      { [GOOGLE_NAME]: TIMEOUT },
      GOOGLE_IP,
    ],
    // Google's, but anybody's program may run there.
    [
      'a proxy of Google',
      'unknown',
      { [GOOGLE_IP]: ['google-proxy.google.com'] },
      { 'google-proxy.google.com': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a program of a customer of Google',
      'unknown',
      { [GOOGLE_IP]: ['x.gae.googleusercontent.com'] },
      { 'x.gae.googleusercontent.com': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
    [
      'a forged name of a proxy',
      'refuted',
      { [GOOGLE_IP]: ['google-proxy.google.com'] },
      {},
      GOOGLE_IP,
    ],
    [
      'a machine that Google rents out',
      'refuted',
      { [GOOGLE_IP]: ['1.bc.googleusercontent.com'] },
      { '1.bc.googleusercontent.com': [GOOGLE_IP] },
      GOOGLE_IP,
    ],
  ])('with %s: %s', async (_, expected, names, addresses, address) => {
    expect(await verdict(address, names, addresses)).toBe(expected);
  });

  it('asks for the addresses of the family in question', async () => {
    const { resolver, asked } = zone({
      '2001:db8::1': ['c.googlebot.com'],
      '192.0.2.1': ['d.googlebot.com'],
    });
    await checkByDns(ip('2001:db8::1'), crawler('Googlebot'), resolver);
    await checkByDns(ip('::ffff:192.0.2.1'), crawler('Googlebot'), resolver);
    expect(asked).toEqual(['c.googlebot.com 6', 'd.googlebot.com 4']);
  });

  it('follows only names that could be the crawler’s, and few of them', async () => {
    const names = Array.from({ length: 1_000 }, (_, i) =>
      i % 2 ? `${i}.googlebot.com` : `${i}.evil.example`,
    );
    const { resolver, asked } = zone({ [GOOGLE_IP]: names });
    expect((await checkByDns(ip(GOOGLE_IP), crawler('Googlebot'), resolver)).verdict).toBe(
      'refuted',
    );
    expect(asked).toHaveLength(5);
    expect(asked.every((name) => name.endsWith('.googlebot.com 4'))).toBe(true);
  });

  it('lets fetchers come from where Google runs them', async () => {
    const names = { [GOOGLE_IP]: ['1.gae.googleusercontent.com'] };
    const addresses = { '1.gae.googleusercontent.com': [GOOGLE_IP] };
    expect(await verdict(GOOGLE_IP, names, addresses, 'Google user-triggered fetchers')).toBe(
      'verified',
    );
  });

  it('refutes nothing where names of a crawler lead nowhere as a rule', async () => {
    const names = { [GOOGLE_IP]: ['baiduspider-192-0-2-1.crawl.baidu.com'] };
    expect(await verdict(GOOGLE_IP, names, {}, 'Baiduspider')).toBe('unknown');
    const elsewhere = { 'baiduspider-192-0-2-1.crawl.baidu.com': ['192.0.2.9'] };
    expect(await verdict(GOOGLE_IP, names, elsewhere, 'Baiduspider')).toBe('refuted');
    expect(await verdict(GOOGLE_IP, { [GOOGLE_IP]: ['x.baidu.com'] }, {}, 'Baiduspider')).toBe(
      'refuted',
    );
  });

  it('knows nothing of who publishes ranges alone', async () => {
    expect(await verdict(GOOGLE_IP, { [GOOGLE_IP]: ['x.openai.com'] }, {}, 'GPTBot')).toBe(
      'unknown',
    );
  });

  it('says why', async () => {
    const { resolver } = zone({ [GOOGLE_IP]: ['ec2.example'], '192.0.2.2': TIMEOUT });
    const refuted = await checkByDns(ip(GOOGLE_IP), crawler('Bingbot'), resolver);
    expect(refuted.reason).toBe(
      "192.0.2.1 is called ec2.example, and Bingbot's names end in search.msn.com",
    );
    const unknown = await checkByDns(ip('192.0.2.2'), crawler('Bingbot'), resolver);
    expect(unknown.reason).toBe('the name of 192.0.2.2 could not be asked for (ETIMEOUT)');
  });
});

it.each([
  ['googlebot.com', 'googlebot.com', true],
  ['a.googlebot.com', 'googlebot.com', true],
  ['a.b.googlebot.com.', 'googlebot.com', true],
  ['A.GOOGLEBOT.COM', 'googlebot.com', true],
  ['xgooglebot.com', 'googlebot.com', false],
  ['googlebot.com.evil.example', 'googlebot.com', false],
  ['a.googlebot.com..', 'googlebot.com', false],
  ['com', 'googlebot.com', false],
  ['', 'googlebot.com', false],
])('is %j below %s? %s', (name, domain, expected) => {
  expect(isBelow(name, domain)).toBe(expected);
});

it.each([
  ['192.0.2.1', '1.2.0.192.in-addr.arpa'],
  ['::ffff:192.0.2.1', '1.2.0.192.in-addr.arpa'],
  [
    '2001:db8::567:89ab',
    'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
  ],
])('DNS keeps the names of %s under %s', (address, name) => {
  expect(reverseName(ip(address))).toBe(name);
});
