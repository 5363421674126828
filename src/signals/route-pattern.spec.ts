import { describe, expect, it } from 'vitest';
import { parseRoutePattern, RoutePatterns } from './route-pattern.js';

/*
 * Patterns as the frameworks write them: Express 4 and 5, Fastify, and what Nest makes of global prefixes and static
 * files.
 */
describe('parseRoutePattern', () => {
  it.each<[string, (string | null)[], boolean, boolean]>([
    ['/', [], false, false],
    ['', [], false, false],
    ['/users', ['users'], false, false],
    ['/People/:id', ['people', null], false, false],
    ['/users/:id/', ['users', null], false, false],
    ['/:slug', [null], false, true],
    ['/:a/:b', [null, null], false, true],
    ['/:id?', [null], false, true],
    ['/users{/:id}', ['users', null], false, false],
    ['*', [null], true, true],
    ['/*', [null], true, true],
    ['/*path', [null], true, true],
    ['{*any}', [null], true, true],
    ['/{*any}', [null], true, true],
    ['(.*)', [null], true, true],
    ['/(.*)', [null], true, true],
    ['/static/*', ['static', null], true, true],
    ['/static/*path', ['static', null], true, true],
    ['/files/:name.:ext', ['files', null], false, false],
    ['/at/:hour(^\\d{2})h', ['at', null], false, false],
    ['/colou?r', [null], false, true],
    ['/a/b:splat*', ['a', null], true, true],
    ['/name::verb', ['name:verb'], false, false],
    ['/wp-login.php', ['wp-login.php'], false, false],
  ])('reads %j', (pattern, literals, isWildcard, isCatchAll) => {
    expect(parseRoutePattern(pattern)).toEqual({ literals, isWildcard, isCatchAll });
  });

  it('is asked once for each pattern, however many there are', () => {
    const patterns = new RoutePatterns();
    const first = patterns.of('/users/:id');
    patterns.of('/users');
    expect(patterns.of('/users/:id')).toBe(first);
    for (let i = 0; i < 5_000; i++) patterns.of(`/${i}`);
    expect(patterns['kept'].size).toBeLessThanOrEqual(4_096);
    expect(patterns.of('/users/:id')).toEqual(first);
  });
});
