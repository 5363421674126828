import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import { compileProbes } from './compile-probes.js';
import type { ProbeGroup, ProbePlace } from './probes/probe-entry.js';
import type { RequestFacts } from './request-facts.js';
import { createSignalReader } from './signal-reader.js';
import { bitsOf, namesOf, PROBES } from './signal.js';
import { counts, isSuccess, namesEntry, type PathAnswer } from './own-path.js';
import { parseRoutePattern } from './route-pattern.js';

const read = createSignalReader();

/** The probes, and whether they were answered. */
function shown(changes: Partial<RequestFacts>): string[] {
  const kept = PROBES | bitsOf(['answered', 'secret-served', 'unmatched']);
  return namesOf(read(requestFacts({ outcome: 'served', status: 200, ...changes })) & kept);
}

const JSON_TYPE = 'application/json';
const HTML = 'text/html; charset=utf-8';
const BYTES = 'application/octet-stream';

describe('whose path is it', () => {
  describe('a path that is listed', () => {
    const target = '/phpmyadmin/index.php';
    it.each<[string, Partial<RequestFacts>, string[]]>([
      [
        'that nothing matched',
        { status: 404, outcome: 'unmatched' },
        ['probe:consoles', 'probe:scripts', 'unmatched'],
      ],
      ['that a route names', { routePattern: '/phpmyadmin/index.php', responseType: HTML }, []],
      [
        'that a route names, and refuses',
        { routePattern: '/phpMyAdmin/index.php', status: 403 },
        [],
      ],
      [
        'that a route names, and does not find',
        { routePattern: '/phpmyadmin/index.php', status: 404 },
        [],
      ],
      [
        'of which a route names a part',
        { routePattern: '/phpmyadmin/:file', responseType: HTML },
        ['probe:consoles', 'answered'],
      ],
      ['that a static file answers', { routePattern: null, responseType: BYTES }, []],
      [
        'that a static file answers, unchanged',
        { routePattern: null, status: 304, responseType: null },
        [],
      ],
      [
        'that a page for everything answers',
        { routePattern: null, responseType: HTML },
        ['probe:consoles', 'probe:scripts', 'answered'],
      ],
      [
        'that a wildcard answers',
        { routePattern: '/*', responseType: HTML },
        ['probe:consoles', 'probe:scripts', 'answered'],
      ],
      [
        'that a wildcard answers with no page',
        { routePattern: '/*path', responseType: JSON_TYPE },
        ['probe:consoles', 'answered'],
      ],
      [
        'that a wildcard does not find',
        { routePattern: '{*any}', status: 404 },
        ['probe:consoles', 'probe:scripts', 'unmatched'],
      ],
      [
        'that parameters alone take',
        { routePattern: '/:a/:b', responseType: HTML },
        ['probe:consoles', 'answered'],
      ],
      [
        'that parameters alone take and do not find',
        { routePattern: '/:a/:b', status: 404 },
        ['probe:consoles', 'probe:scripts', 'unmatched'],
      ],
      [
        'below a route of its own',
        { target: '/x/phpmyadmin/index.php', routePattern: '/x/*', responseType: HTML },
        ['probe:consoles', 'probe:scripts', 'answered'],
      ],
      [
        'that is limited before the router',
        { routePattern: null, status: 429, outcome: 'throttled' },
        ['probe:consoles'],
      ],
      [
        'that a route names, and that is refused before it is reached',
        { routePattern: '/phpmyadmin/index.php', status: 403, outcome: 'blocked' },
        [],
      ],
      [
        'that is refused before the router',
        { routePattern: null, status: 403, outcome: 'blocked' },
        ['probe:consoles'],
      ],
    ])('%s', (_, changes, names) => {
      expect(shown({ target, ...changes })).toEqual(names);
    });
  });

  describe('a secret', () => {
    it.each<[string, Partial<RequestFacts>, string[]]>([
      ['that is not there', { status: 404, outcome: 'unmatched' }, ['probe:secrets', 'unmatched']],
      [
        'that a static file gives away',
        { responseType: BYTES },
        ['probe:secrets', 'answered', 'secret-served'],
      ],
      [
        'that was given away before',
        { status: 304, responseType: BYTES },
        ['probe:secrets', 'answered', 'secret-served'],
      ],
      [
        'that a route of its own gives away',
        { routePattern: '/.env', responseType: 'text/plain' },
        ['probe:secrets', 'answered', 'secret-served'],
      ],
      [
        'that a page for everything stands for',
        { routePattern: '/*', responseType: HTML },
        ['probe:secrets', 'answered'],
      ],
      [
        'of which nobody knows what was sent',
        { responseType: null },
        ['probe:secrets', 'answered'],
      ],
      [
        'that is asked for before it is fetched',
        { method: 'OPTIONS', status: 204, responseType: null },
        ['probe:secrets'],
      ],
      ['that is refused', { status: 403, outcome: 'refused' }, ['probe:secrets']],
    ])('%s', (_, changes, names) => {
      expect(shown({ target: '/.env', ...changes })).toEqual(names);
    });
  });

  describe('a word that can be the title of a page', () => {
    const target = '/blog/tags/phpmyadmin';
    it.each<[string, Partial<RequestFacts>, string[]]>([
      ['where a tag is shown', { routePattern: '/blog/tags/:tag', responseType: HTML }, []],
      ['where there is no such tag', { routePattern: '/blog/tags/:tag', status: 404 }, []],
      ['where a wildcard shows pages', { routePattern: '/*', responseType: HTML }, []],
      ['where pages come from outside the router', { routePattern: null, responseType: HTML }, []],
      [
        'where an old link is redirected',
        { routePattern: null, status: 301, responseType: null },
        [],
      ],
      [
        'where a wildcard has none',
        { routePattern: '/*', status: 404 },
        ['probe:consoles', 'unmatched'],
      ],
      ['where nothing is', { status: 404, outcome: 'unmatched' }, ['probe:consoles', 'unmatched']],
      ['where nobody gets so far', { status: 403, outcome: 'blocked' }, []],
    ])('%s', (_, changes, names) => {
      expect(shown({ target, ...changes })).toEqual(names);
    });

    it('that is only one at the start', () => {
      const missed = { status: 404, outcome: 'unmatched' } as const;
      expect(shown({ target: '/solr/', ...missed })).toContain('probe:consoles');
      expect(shown({ target: '/docs/solr/', ...missed })).toEqual(['unmatched']);
      expect(shown({ target: '/solr/', responseType: HTML })).toEqual([]);
    });
  });

  describe('a script of another stack', () => {
    const target = '/old/page.php';
    it.each<[string, Partial<RequestFacts>, string[]]>([
      [
        'that nothing matched',
        { status: 404, outcome: 'unmatched' },
        ['probe:scripts', 'unmatched'],
      ],
      [
        'that nothing matched, and nothing worked',
        { status: 502, outcome: 'failed' },
        ['probe:scripts'],
      ],
      [
        'that a page for everything answers',
        { routePattern: '/*', responseType: HTML },
        ['probe:scripts', 'answered'],
      ],
      ['that is redirected', { status: 301, responseType: null }, []],
      [
        'that a wildcard redirects',
        { routePattern: '/*', status: 302, responseType: JSON_TYPE },
        [],
      ],
      ['that a route takes', { routePattern: '/old/:page', responseType: HTML }, []],
      ['that a route takes, and does not find', { routePattern: '/old/:page', status: 404 }, []],
      ['that a route names', { routePattern: '/old/page.php', responseType: HTML }, []],
      ['that is a file', { responseType: BYTES }, []],
    ])('%s', (_, changes, names) => {
      expect(shown({ target, ...changes })).toEqual(names);
    });
  });

  describe('what a page of an older site is drawn with', () => {
    const missed = { status: 404, outcome: 'unmatched' } as const;
    it.each([
      ['/wp-content/themes/a/style.css?ver=6', ['unmatched']],
      ['/wp-includes/js/jquery/jquery.min.js', ['unmatched']],
      ['/wp-content/uploads/2020/01/a.jpg', ['unmatched']],
      ['/wp-admin/admin-ajax.php', ['unmatched']],
      ['/wp-content/plugins/a/readme.txt', ['probe:wordpress', 'unmatched']],
      ['/wp-includes/wlwmanifest.xml', ['probe:wordpress', 'unmatched']],
      ['/wp-admin/css/colors.css', ['probe:wordpress', 'unmatched']],
    ])('%s', (target, names) => {
      expect(shown({ target, ...missed })).toEqual(names);
    });

    it('is the own of a static handler that has a route', () => {
      const changes = {
        target: '/cgi-bin/logo.png',
        routePattern: '/*',
        responseType: 'image/png',
      };
      expect(shown(changes)).toEqual([]);
      expect(shown({ ...changes, responseType: HTML })).toEqual(['probe:exploits', 'answered']);
    });
  });

  it('knows the routes of an app where a request never got to them', () => {
    const reader = createSignalReader({ routePatterns: ['/boaform/:x', '/.env'] });
    const blocked = { status: 403, outcome: 'blocked' } as const;
    const probes = (target: string) => namesOf(reader(requestFacts({ target, ...blocked })));
    expect(probes('/boaform/admin')).toEqual([]);
    expect(probes('/goform/admin')).toEqual(['probe:exploits']);
    expect(probes('/.env')).toEqual(['probe:secrets']);
  });

  it('tells which entries the routes of an app name', () => {
    const { probes } = compileProbes();
    expect(probes.ownEntries(['/api/:version/users', '/*', '/:slug', '{*any}'])).toEqual([]);
    expect(probes.ownEntries(['/blog/wp-login.php']).map(({ probe }) => probe.text)).toEqual([
      'wp-login.php',
      '.php',
    ]);
  });
});

describe('what counts', () => {
  const unanswered: PathAnswer = {
    pattern: null,
    isUnrouted: false,
    status: 404,
    mayBePage: true,
    isAsset: false,
  };
  const wildcard = parseRoutePattern('/*');
  const probe = (place: ProbePlace, group: ProbeGroup = 'consoles') =>
    ({ text: '.x', place, group, why: '' }) as const;

  it.each<[ProbePlace, ProbeGroup, Partial<PathAnswer>, boolean]>([
    ['anywhere', 'secrets', { pattern: parseRoutePattern('/.x') }, true],
    ['first', 'secrets', { pattern: parseRoutePattern('/.x') }, true],
    ['missing', 'secrets', { status: 200 }, false],
    ['suffix', 'secrets', { status: 301 }, false],
    ['anywhere', 'consoles', { pattern: parseRoutePattern('/.x') }, false],
    ['first', 'consoles', { isUnrouted: true }, false],
    ['missing', 'consoles', { isUnrouted: true }, false],
    ['suffix', 'consoles', { isUnrouted: true }, false],
    ['anywhere', 'consoles', { isUnrouted: true }, true],
    ['suffix', 'consoles', { status: 299 }, true],
    ['suffix', 'consoles', { status: 300 }, false],
    ['suffix', 'consoles', { status: 399 }, false],
    ['suffix', 'consoles', { status: 400 }, true],
    ['suffix', 'consoles', { status: 304, pattern: wildcard }, true],
  ])('of an entry %s among the %s, where %j: %s', (place, group, changes, doesCount) => {
    expect(counts(probe(place, group), { ...unanswered, ...changes })).toBe(doesCount);
  });

  it.each([
    [199, false],
    [200, true],
    [299, true],
    [300, false],
    [303, false],
    [304, true],
    [305, false],
    [404, false],
  ])('the status %i says that there is something: %s', (status, isOne) => {
    expect(isSuccess(status)).toBe(isOne);
  });

  it.each([
    ['/shop/admin-2', 'shop/admin*', 'anywhere', true],
    ['/shop', 'shop/admin*', 'anywhere', false],
    ['/shop/:page', 'shop/admin*', 'anywhere', false],
    ['/sqlmap', 'sqlmap', 'agent', false],
    ['/a.php', '.php', 'suffix', true],
    ['/:page', '.php', 'suffix', false],
  ] as const)('the route %s names %s, %s: %s', (pattern, text, place, isNamed) => {
    const entry = { text, place, group: 'tools', why: '' } as const;
    expect(namesEntry(parseRoutePattern(pattern), entry)).toBe(isNamed);
  });
});
