import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import type { RequestFacts } from './request-facts.js';
import { namesOf, SIGNAL_NAMES, bitsOf } from './signal.js';
import { createSignalReader } from './signal-reader.js';

const read = createSignalReader();

function signalsOf(changes: Partial<RequestFacts>): string[] {
  return namesOf(read(requestFacts({ outcome: 'served', status: 200, ...changes })));
}

describe('an ordinary request shows nothing', () => {
  it.each<[string, Partial<RequestFacts>]>([
    ['of an API', { target: '/api/v1/users/1?fields=a,b', routePattern: '/api/v1/users/:id' }],
    ['of a page', { target: '/', routePattern: '/', responseType: 'text/html' }],
    [
      'that is matched and finds nothing',
      { target: '/users/9', routePattern: '/users/:id', status: 404 },
    ],
    [
      'that a single-page app answers',
      { target: '/settings', routePattern: '/*', responseType: 'text/html' },
    ],
    [
      'that is typed',
      {
        target: '/a',
        secFetchDest: 'document',
        secFetchMode: 'navigate',
        secFetchSite: 'none',
        secFetchUser: '?1',
      },
    ],
    ['without an agent', { target: '/a', userAgent: null }],
    ['of a program', { target: '/a', userAgent: 'python-requests/2.32.3' }],
    ['for the server as a whole', { method: 'OPTIONS', target: '*' }],
    ['over which nothing came', { method: '', target: '', status: 408, outcome: 'aborted' }],
    ['with an unusual method', { method: 'PROPFIND', target: '/dav/' }],
    ['with raw characters that should be escaped', { target: '/a|b/"c"/{d}/é?x=^&y=[1]' }],
  ])('%s', (_, changes) => {
    expect(signalsOf(changes)).toEqual([]);
  });
});

describe('open-proxy', () => {
  it.each<[string, Partial<RequestFacts>, string[]]>([
    ['CONNECT', { method: 'CONNECT', target: 'x.example:443' }, ['open-proxy']],
    ['CONNECT to the own host', { method: 'CONNECT', target: 'shop.example' }, ['open-proxy']],
    ['CONNECT', { method: 'CONNECT', target: 'x.example:443', host: null }, ['open-proxy']],
    ["another host's address", { target: 'http://x.example/' }, ['open-proxy']],
    [
      "another host's address with a payload",
      { target: 'http://x.example/.env', status: 404 },
      ['probe:secrets', 'unmatched', 'open-proxy'],
    ],
    [
      "the own host's address, as Facebook's browser sends it",
      { target: 'http://shop.example/a' },
      [],
    ],
    ['the own host with a port and in capitals', { target: 'HTTPS://SHOP.example:443/a' }, []],
    [
      'the own host on its port',
      { target: 'http://shop.example:8080/', host: 'shop.example:8080' },
      [],
    ],
    ['the own host on another port', { target: 'http://shop.example:8081/' }, ['open-proxy']],
    ['an address where nobody knows the host', { target: 'http://x.example/', host: null }, []],
    ['an address in a path', { target: '/http://x.example/' }, []],
  ])('%s', (_, changes, names) => {
    expect(signalsOf(changes)).toEqual(names);
  });

  it('is told by the hosts of the app, where it says them: a client may send any Host header', () => {
    const reader = createSignalReader({ isOwnHost: (host) => host === 'shop.example' });
    const of = (target: string, host: string | null) =>
      namesOf(reader(requestFacts({ target, host, status: 200, outcome: 'served' })));
    expect(of('http://x.example/', 'x.example')).toEqual(['open-proxy']);
    expect(of('http://shop.example/', 'x.example')).toEqual([]);
    expect(of('http://Shop.Example:80/', null)).toEqual([]);
  });
});

describe('malformed', () => {
  it.each<[string, Partial<RequestFacts>, string[]]>([
    ['the start of TLS', { method: '\x16\x03\x01', target: '' }, ['malformed']],
    ['a remote desktop', { method: '\x03\0\0/*à', target: 'mstshash=a' }, ['malformed']],
    ['SSH', { method: 'SSH-2.0-Go', target: '' }, ['malformed']],
    ['JSON', { method: '{"id":1}', target: '' }, ['malformed']],
    ['a method that is no token', { method: 'GE(T', target: '/' }, ['malformed']],
    ['a method that is longer than any', { method: 'A'.repeat(40), target: '/' }, ['malformed']],
    ['no target', { method: 'GET', target: '' }, ['malformed']],
    ['a target that is no path', { target: 'login.htm' }, ['malformed']],
    ['control characters', { target: '/a\x01' }, ['malformed']],
    ['control characters in the query', { target: '/a?b=\x7f' }, ['malformed']],
    ['a NUL in the path', { target: '/a%00.jpg' }, ['malformed']],
    ['a NUL in the path, escaped twice', { target: '/a%2500.jpg' }, ['malformed']],
    ['but not in a query, where it is data', { target: '/announce?info_hash=%00%12' }, []],
    ['nor a line break at the end of a copied link', { target: '/post%0A' }, []],
    ['nor escapes that are none', { target: '/100%?a=%zz' }, []],
  ])('%s', (_, changes, names) => {
    expect(signalsOf(changes)).toEqual(names);
  });
});

describe('unmatched', () => {
  it.each<[string, Partial<RequestFacts>, string[]]>([
    ['where the caller says so', { outcome: 'unmatched', status: 404 }, ['unmatched']],
    [
      'where a host has changed the answer, and the caller says so',
      { outcome: 'unmatched', status: 302 },
      ['unmatched'],
    ],
    ['where a catch-all does not find', { routePattern: '/:slug', status: 404 }, ['unmatched']],
    [
      'where a static handler does not find',
      { routePattern: '/files/*', status: 404 },
      ['unmatched'],
    ],
    ['not where a route does not find', { routePattern: '/users/:id', status: 404 }, []],
    ['not where something outside the router answers', { routePattern: null, status: 200 }, []],
    ['not where it was limited', { routePattern: null, status: 404, outcome: 'throttled' }, []],
    ['not where it was refused', { routePattern: null, status: 404, outcome: 'blocked' }, []],
  ])('%s', (_, changes, names) => {
    expect(signalsOf({ target: '/a', ...changes })).toEqual(names);
  });

  it.each([
    '/favicon.ico',
    '/robots.txt',
    '/apple-touch-icon-precomposed.png',
    '/a/apple-touch-icon.png',
    '/.well-known/x',
    '/apple-app-site-association',
  ])('is routine at %s', (target) => {
    expect(signalsOf({ target, outcome: 'unmatched', status: 404 })).toEqual([
      'unmatched',
      'routine',
    ]);
  });

  it.each<[Partial<RequestFacts>, string[]]>([
    [{ outcome: 'unmatched', status: 302 }, ['unmatched', 'routine']],
    [{ outcome: 'failed', status: 404 }, ['unmatched', 'routine']],
    [{ outcome: 'served', status: 200 }, []],
  ])('is routine without an ending only where nothing is there: %j', (changes, names) => {
    expect(signalsOf({ target: '/apple-app-site-association', ...changes })).toEqual(names);
  });

  it('is routine with an ending in any case', () => {
    expect(signalsOf({ target: '/robots.txt' })).toEqual(['routine']);
  });

  it.each(['/a/favicon', '/robots', '/well-known/x', '/.well-known/../x', '/a.ico'])(
    'is not routine at %s',
    (target) => {
      expect(signalsOf({ target, outcome: 'unmatched', status: 404 })).toEqual(['unmatched']);
    },
  );
});

describe('context', () => {
  it.each<[string, Partial<RequestFacts>, string[]]>([
    ['a style', { target: '/a.css', responseType: 'text/css' }, ['asset']],
    ['a script, unchanged', { target: '/a.JS?v=1', status: 304, responseType: null }, ['asset']],
    ['an image without an ending', { target: '/avatars/1', responseType: 'image/png' }, ['asset']],
    ['an image that a page stands for', { target: '/a.png', responseType: 'text/html' }, []],
    ['an image that JSON stands for', { target: '/a.png' }, []],
    [
      'an image that is not there',
      { target: '/a.png', status: 404, outcome: 'unmatched' },
      ['unmatched'],
    ],
    [
      'an image that is uploaded',
      { method: 'POST', target: '/a.png', responseType: 'image/png' },
      [],
    ],
    ['a download', { target: '/a.zip', responseType: 'application/zip' }, []],
    [
      'a part of a page',
      { target: '/a', secFetchDest: 'image', secFetchMode: 'no-cors', secFetchSite: 'cross-site' },
      ['page-fetch'],
    ],
    ['a page of the site', { target: '/a', referer: 'https://shop.example/b' }, ['own-referer']],
    ['the site itself', { target: '/a', referer: 'https://shop.example' }, ['own-referer']],
    [
      'the site on its port',
      { target: '/a', referer: 'https://Shop.example:443/b' },
      ['own-referer'],
    ],
    [
      'a page whose name begins like the site',
      { target: '/a', referer: 'https://shop.example.evil.example/' },
      [],
    ],
    [
      'a page with the site in it',
      { target: '/a', referer: 'https://x.example/?shop.example' },
      [],
    ],
    ['an empty referer', { target: '/a', referer: '' }, []],
  ])('%s', (_, changes, names) => {
    expect(signalsOf(changes)).toEqual(names);
  });

  it('finds a login by the path, whatever the query says', () => {
    const changes = { method: 'POST', isLogin: null, status: 401, outcome: 'refused' } as const;
    expect(signalsOf({ target: '/login?next=/a', ...changes })).toEqual(['auth-failure', 'login']);
  });

  it('knows the hosts of the app in referers as well', () => {
    const reader = createSignalReader({ isOwnHost: (host) => host === 'www.shop.example' });
    const facts = requestFacts({
      referer: 'https://www.shop.example/a',
      status: 200,
      outcome: 'served',
    });
    expect(namesOf(reader(facts))).toEqual(['own-referer']);
  });
});

describe('whatever a client sends', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom(
        ...`/.%2e5c;'"()<>{}$|&=?#+*-:@[]\\ \0\n`,
        'or',
        'select',
        'jndi:',
        '..',
        '${',
      ),
      maxLength: 60,
    }),
  );
  const nullable = fc.option(text, { nil: null });

  it('is read without an error, into bits that have names', () => {
    fc.assert(
      fc.property(
        fc.record({
          method: text,
          target: fc.oneof(
            text,
            text.map((rest) => `/${rest}`),
            text.map((rest) => `/?a=${rest}`),
          ),
          host: nullable,
          routePattern: nullable,
          userAgent: nullable,
          referer: nullable,
          secFetchMode: nullable,
          secFetchDest: nullable,
          secFetchSite: nullable,
          secFetchUser: nullable,
          accept: nullable,
          responseType: nullable,
          status: fc.integer(),
        }),
        (changes) => {
          const bits = read(requestFacts(changes));
          expect(bitsOf(namesOf(bits))).toBe(bits);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is looked at up to 8,192 characters, and no further', () => {
    const long = (length: number) => `/${'a'.repeat(length)}`;
    expect(signalsOf({ target: `${long(8_000)}/.env`, status: 404 })).toContain('probe:secrets');
    expect(signalsOf({ target: `${long(8_192)}/.env`, status: 404 })).not.toContain(
      'probe:secrets',
    );
    expect(signalsOf({ target: `${long(8_000)}?a='or'1'='1` })).toEqual(['payload:sql']);
    expect(signalsOf({ target: `${long(8_192)}?a='or'1'='1` })).toEqual([]);
  });

  it.each(SIGNAL_NAMES)('can show %s', (name) => {
    expect(EXAMPLES[name](read)).toContain(name);
  });
});

/** A request for each signal, so that none is left that nothing sets. */
const EXAMPLES: Record<(typeof SIGNAL_NAMES)[number], (reader: typeof read) => string[]> = {
  'probe:secrets': example({ target: '/.env' }),
  'probe:wordpress': example({ target: '/wp-login.php' }),
  'probe:consoles': example({ target: '/manager/html' }),
  'probe:exploits': example({ target: '/cgi-bin/x' }),
  'probe:appliances': example({ target: '/dana-na/' }),
  'probe:shells': example({ target: '/c99.php' }),
  'probe:scripts': example({ target: '/x.php' }),
  'probe:tools': example({ userAgent: 'nikto' }),
  'payload:traversal': example({ target: '/..;/' }),
  'payload:sql': example({ target: "/?a='or'1'='1" }),
  'payload:template': example({ target: '/?a={{7*7}}' }),
  'payload:jndi': example({ target: '/${jndi:' }),
  'payload:shell': example({ target: '/?a=$(whoami)' }),
  'payload:xss': example({ target: '/?a=<script>alert(1)' }),
  'payload:crlf': example({ target: '/%0d%0aa:b' }),
  'payload:prototype': example({ target: '/?__proto__.a=b' }),
  'payload:ssrf': example({ target: '/?u=http://169.254.169.254/' }),
  unmatched: example({}),
  'auth-failure': example({ reported: 'failure' }),
  'auth-success': example({ reported: 'success' }),
  login: example({ method: 'POST', isLogin: true }),
  asset: example({
    target: '/a.css',
    status: 200,
    outcome: 'served',
    responseType: 'text/css',
  }),
  'page-fetch': example({
    secFetchDest: 'image',
    secFetchMode: 'no-cors',
    secFetchSite: 'cross-site',
  }),
  'own-referer': example({ referer: 'https://shop.example/' }),
  'open-proxy': example({ method: 'CONNECT', target: 'a:443' }),
  malformed: example({ target: '/%00' }),
  answered: example({ target: '/.env', status: 200, outcome: 'served' }),
  'secret-served': example({ target: '/.env', status: 200, outcome: 'served' }),
  'image-like': example({ userAgent: 'Mozilla/5.0', accept: 'image/avif,image/webp,*/*;q=0.8' }),
  routine: example({ target: '/robots.txt' }),
};

function example(changes: Partial<RequestFacts>) {
  return (reader: typeof read) => namesOf(reader(requestFacts(changes)));
}
