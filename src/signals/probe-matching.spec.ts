import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import { compileProbes } from './compile-probes.js';
import type { ListedProbe } from './probe-index.js';
import { bitsOf, namesOf, PROBES } from './signal.js';
import { createSignalReader } from './signal-reader.js';

const { probes } = compileProbes();
const read = createSignalReader({ probes });

function probesOf(target: string): string[] {
  return namesOf(read(requestFacts({ target })) & PROBES);
}

/*
 * How one path is spelt: plain, in capitals, escaped once and twice, overlong, with other slashes, with parameters, with
 * ups and dots between, below any folder.
 */
describe('a probe is found', () => {
  it.each([
    ['/.env', 'secrets'],
    ['/.ENV', 'secrets'],
    ['/app/.env', 'secrets'],
    ['/a/b/c/.env.production', 'secrets'],
    ['//.env', 'secrets'],
    ['/./.env', 'secrets'],
    ['/x/../.env', 'secrets'],
    ['/.env/', 'secrets'],
    ['/.env/x', 'secrets'],
    ['/.env?x=1', 'secrets'],
    ['/.env#x', 'secrets'],
    ['/%2eenv', 'secrets'],
    ['/%2e%65%6e%76', 'secrets'],
    ['/%252eenv', 'secrets'],
    ['/%c0%aeenv', 'secrets'],
    ['/.env%20', 'secrets'],
    ['/.env%00.jpg', 'secrets'],
    ['/.env.', 'secrets'],
    ['/.env;x', 'secrets'],
    ['/.env%3f', 'secrets'],
    ['/a%2f.env', 'secrets'],
    ['/a%5c.env', 'secrets'],
    ['/static\\.env', 'secrets'],
    ['/_next/static/../.env', 'secrets'],
    ['/prod.env', 'secrets'],
    ['/.git/config', 'secrets'],
    ['/.github/workflows/deploy.yml', 'secrets'],
    ['/wp-config.php.bak', 'secrets'],
    ['/latest/meta-data/iam/security-credentials/', 'secrets'],
    ['/backup.tar.gz', 'secrets'],
    ['/dump.sql.gz', 'secrets'],
    ['/x/2024.sql', 'secrets'],
    ['/blog/wp-login.php', 'wordpress'],
    ['/wp-json/wp/v2/users/', 'wordpress'],
    ['/wp-admin/install.php', 'wordpress'],
    ['/manager/html', 'consoles'],
    ['/manager;x=1/html', 'consoles'],
    ['/..;/manager/html', 'consoles'],
    ['/manager//html', 'consoles'],
    ['/manager/./html', 'consoles'],
    ['/manager/x/../html', 'consoles'],
    ['/api/actuator/heapdump', 'consoles'],
    ['/phpMyAdmin-5.1.3/', 'consoles'],
    ['/v2/_catalog', 'consoles'],
    ['/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php', 'exploits'],
    ['/cgi-bin/../../bin/sh', 'exploits'],
    ['/cgi-bin/.%2e/.%2e/bin/sh', 'exploits'],
    ['/boaform/admin/formLogin', 'exploits'],
    ['/@fs/etc/passwd?import&raw', 'exploits'],
    ['/nice%20ports%2C/Tri%6Eity.txt%2ebak', 'exploits'],
    ['/_ignition/execute-solution', 'exploits'],
    ['/+CSCOE+/logon.html', 'appliances'],
    ['/%2bCSCOE%2b/logon.html', 'appliances'],
    ['/owa/auth/logon.aspx', 'appliances'],
    ['/remote/fgt_lang?lang=x', 'appliances'],
    ['/dana-na/auth/url_default/welcome.cgi', 'appliances'],
    ['/c99.php', 'shells'],
    ['/x.php', 'scripts'],
    ['/.php', 'scripts'],
    ['/x.PHP/admin', 'scripts'],
    ['/a/b.jsp;jsessionid=1', 'scripts'],
    ['http://shop.example/.env', 'secrets'],
    ['http://shop.example:80/.env', 'secrets'],
  ])('in %s', (target, group) => {
    expect(probesOf(target)).toContain(`probe:${group}`);
  });
});

describe('no probe is found', () => {
  it.each([
    '/',
    '',
    '*',
    '/robots.txt',
    '/favicon.ico',
    '/apple-touch-icon-120x120-precomposed.png',
    '/sitemap.xml',
    '/ads.txt',
    '/.well-known/security.txt',
    '/.well-known/acme-challenge/wp-login.php',
    '/.well-known/.env',
    '/autodiscover/autodiscover.xml',
    '/Autodiscover/Autodiscover.xml',
    '/EWS/Exchange.asmx',
    '/Microsoft-Server-ActiveSync',
    '/MSOffice/cltreq.asp?UL=1&ACT=4',
    '/_vti_bin/owssvr.dll',
    '/actuator/health',
    '/health',
    '/metrics',
    '/graphql',
    '/api-docs',
    '/swagger.json',
    '/api/v1/users/1/orders',
    '/api/v1/environments',
    '/environment',
    '/env.js',
    '/config.json',
    '/manifest.json',
    '/package.json',
    '/docs/docker-compose-guide',
    '/docs/wp-config-explained',
    '/blog/git',
    '/blog/dot-env',
    '/application-development',
    '/service-accounts',
    '/credentials',
    '/manager',
    '/manager/team/html',
    '/html/manager',
    '/shell',
    '/telescope',
    '/vpn',
    '/cacti',
    '/hudson',
    '/phpunit-tutorial',
    '/a.b/c.d',
    '/v1.2.3',
    '/user@example.com',
    '/image.png?file=.env',
    '/search?q=wp-login.php',
    // A plus sign in a path is one, however often it is read.
    '/c99.php+/%2525',
  ])('in %s', (target) => {
    expect(probesOf(target)).toEqual([]);
  });
});

/** The same, as slowly and plainly as can be: every entry against every run of segments of every reading of the path. */
function twinProbes(target: string): string[] {
  const path = target.split(/[?#]/, 1)[0]!;
  if (path.startsWith('/.well-known/') && !path.includes('..') && !path.includes('%')) return [];
  const once = twinDecode(path);
  const readings = [once, twinDecode(once)].flatMap((text) => {
    const segments = text
      .split(/[/\\]/)
      .map((segment) => segment.split(/[;\0?#]/, 1)[0]!.replace(/^[\0- ]+|[\0- ]+$/g, ''))
      .map((segment) => (segment === '..' ? segment : segment.replace(/\.+$/, '')))
      .filter((segment) => segment !== '');
    const resolved: string[] = [];
    for (const segment of segments) {
      if (segment === '..') resolved.pop();
      else resolved.push(segment);
    }
    return [segments, resolved];
  });
  const found = probes.entries.filter((probe) =>
    readings.some((segments) => meets(probe, segments)),
  );
  const spared = found.filter(({ place }) => place === 'spared').map(({ group }) => group);
  const isAsset = /\.(?:css|js|png)$/i.test(path);
  const counted = found.filter(
    (probe) =>
      probe.place !== 'spared' &&
      !spared.includes(probe.group) &&
      !(spared.length > 0 && probe.group === 'scripts') &&
      !(isAsset && probe.sparesAssets),
  );
  return namesOf(bitsOf(counted.map(({ group }) => `probe:${group}` as const)));
}

function twinDecode(text: string): string {
  return text
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function meets({ text, place }: ListedProbe, segments: readonly string[]): boolean {
  if (place === 'agent') return false;
  if (place === 'suffix') {
    return segments.some(
      (segment) => segment.includes('.') && `.${segment.split('.').at(-1)}` === text,
    );
  }
  const wanted = text.split('/');
  const starts = place === 'first' ? [0] : [...segments.keys()];
  return starts.some((start) =>
    wanted.every((part, i) => {
      const segment = segments[start + i] ?? '\0';
      return part.endsWith('*') ? segment.startsWith(part.slice(0, -1)) : segment === part;
    }),
  );
}

/** Pieces that a path is made of: those of entries, nearly those, and what stands between. */
const piece = fc.oneof(
  fc.constantFrom(
    ...probes.entries
      .filter(({ place }) => place !== 'agent')
      .map(({ text }) => text.replaceAll('*', 'x')),
  ),
  fc.constantFrom(
    'a',
    'api',
    'v1',
    'x.php',
    'y.css',
    'z.js',
    '..',
    '.',
    '',
    'wp-content',
    'index',
    '.well-known',
  ),
  fc.string({ unit: fc.constantFrom(...'abc.-_;% %2e'), maxLength: 6 }),
);
const escaped = fc.tuple(piece, fc.nat(5)).map(([text, kind]) => {
  if (kind === 0) return text.toUpperCase();
  const escape = (c: string) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
  if (kind === 1) return text.replace(/[^%]/, escape);
  if (kind === 2) return text.replace(/[^%]/, (c) => escape(c).replace('%', '%25'));
  return text;
});
const path = fc
  .tuple(
    fc.array(escaped, { maxLength: 5 }),
    fc.constantFrom('', '/', '?a=b', '#c'),
    fc.constantFrom('/', '//', '\\'),
  )
  .map(([segments, end, slash]) => `/${segments.join(slash)}${end}`);

describe('the fast way', () => {
  it('finds what the slow twin finds', () => {
    fc.assert(
      fc.property(path, (target) => {
        expect(probesOf(target)).toEqual(twinProbes(target));
      }),
      { numRuns: 3_000 },
    );
  });

  it('finds each entry of the list, alone and below a folder', () => {
    const lost = probes.entries
      .filter(({ place }) => place !== 'agent' && place !== 'spared')
      .filter(({ text, place, group }) => {
        const own = text.replaceAll('*', 'x');
        const target =
          place === 'suffix' ? `/a${own}` : place === 'first' ? `/${own}` : `/b/${own}/`;
        return !probesOf(target).includes(`probe:${group}`);
      });
    expect(lost.map(({ text }) => text)).toEqual([]);
  });
});
