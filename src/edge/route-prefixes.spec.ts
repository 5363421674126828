import { VERSION_NEUTRAL, type VersioningOptions, VersioningType } from '@nestjs/common';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListedPaths } from './listed-paths.js';
import { RoutePrefixes, type RouteVersion } from './route-prefixes.js';

interface Given {
  prefix?: string;
  versioning?: VersioningOptions;
  declared?: RouteVersion[];
}

function prefixes({ prefix = '', versioning, declared = [] }: Given): RoutePrefixes {
  return new RoutePrefixes(
    { getGlobalPrefix: () => prefix, getVersioning: () => versioning },
    () => declared,
  );
}
const URI = (prefix?: string | false): VersioningOptions => ({
  type: VersioningType.URI,
  ...(prefix === undefined ? {} : { prefix }),
});

describe('the paths of routes', () => {
  it.each<[Given, string, boolean]>([
    [{}, '/api/login', false],
    [{ prefix: 'api' }, '/api/login', true],
    [{ prefix: '/API/' }, '/api/login/', true],
    [{ prefix: 'api' }, '/x/../API/./%6Cogin;a=b', true],
    [{ prefix: 'api' }, '/apilogin', false],
    [{ prefix: 'api' }, '/api/api/login', false],
    [{ prefix: 'a/b' }, '/a/b/login', true],
    [{ prefix: 'a/b' }, '/a/login', false],
    [{ prefix: ':tenant/api' }, '/acme/api/login', true],
    [{ prefix: ':tenant/api' }, '/api/login', false],
    [{ versioning: URI() }, '/v1/login', true],
    [{ versioning: URI() }, '/V1/login', true],
    [{ versioning: URI() }, '/v1.2/login', true],
    [{ versioning: URI() }, '/vip/login', false],
    [{ versioning: URI(), declared: [['IP', VERSION_NEUTRAL]] }, '/vip/login', true],
    [{ versioning: URI('ver-') }, '/ver-7/login', true],
    [{ versioning: URI('ver-') }, '/v7/login', false],
    [{ versioning: URI(false) }, '/7/login', true],
    [{ versioning: URI(false) }, '/users/login', false],
    [{ versioning: { type: VersioningType.MEDIA_TYPE, key: 'v=' } }, '/v1/login', false],
    [{ prefix: 'api', versioning: URI() }, '/api/v1/login', true],
    [{ prefix: 'api', versioning: URI() }, '/v1/login', true],
    [{ prefix: 'api', versioning: URI() }, '/v1/api/login', false],
    [{ prefix: 'api', versioning: URI() }, '/login', true],
  ])('%j: %s is /login: %s', (given, path, expected) => {
    expect(new ListedPaths(['/login'], prefixes(given)).has(path)).toBe(expected);
  });

  it('may be listed with what is in front of them', () => {
    const listed = new ListedPaths(
      ['/api/login', '/v2/keys'],
      prefixes({ prefix: 'api', versioning: URI() }),
    );
    expect(
      ['/api/login', '/login', '/api/v2/keys', '/v2/keys', '/api/v1/keys'].filter((path) =>
        listed.has(path),
      ),
    ).toEqual(['/api/login', '/api/v2/keys', '/v2/keys']);
  });

  it('follow what the host sets once the app is made', () => {
    let prefix = '';
    let versioning: VersioningOptions | undefined;
    const listed = new ListedPaths(
      ['/login'],
      new RoutePrefixes(
        { getGlobalPrefix: () => prefix, getVersioning: () => versioning },
        () => [],
      ),
    );
    expect(listed.has('/api/v1/login')).toBe(false);
    prefix = 'api';
    expect(listed.has('/api/login')).toBe(true);
    versioning = URI();
    expect(listed.has('/api/v1/login')).toBe(true);
  });

  it('are found as by taking off one thing after the other', () => {
    const words = fc.constantFrom('api', 'v1', 'v2', 'login', 'keys', 'x', 'V1', '');
    const path = fc.array(words, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`);
    const clean = (text: string) => `/${text.toLowerCase().split('/').filter(Boolean).join('/')}/`;
    const listed = new ListedPaths(
      ['/login', '/keys/x'],
      prefixes({ prefix: 'api/x', versioning: URI() }),
    );
    fc.assert(
      fc.property(path, (text) => {
        const candidates = [clean(text), clean(text).replace(/^\/api\/x\//, '/')];
        candidates.push(...candidates.map((candidate) => candidate.replace(/^\/v\d+\//, '/')));
        const expected = candidates.some(
          (candidate) => candidate.startsWith('/login/') || candidate.startsWith('/keys/x/'),
        );
        expect(listed.has(text)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
