import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathSegments, ListedPaths } from './listed-paths.js';

const paths = new ListedPaths(['/admin', '/api/Keys/', '/.env', '/größe', '/a b']);

describe('ListedPaths', () => {
  it.each([
    // As it is listed, and below.
    '/admin',
    '/admin/',
    '/admin/users/7',
    '/api/keys',
    '/api/keys/1',
    '/.env',
    // Upper and lower case.
    '/ADMIN',
    '/Api/KEYS',
    // Slashes.
    '//admin',
    '/admin//',
    '/api///keys',
    '\\admin',
    '/api\\keys',
    // Percent-escapes.
    '/%61dmin',
    '/%61%64%6D%69%6e',
    '/api%2Fkeys',
    '/api%5ckeys',
    '/%2eenv',
    '/gr%C3%B6%C3%9Fe',
    '/größe',
    '/a%20b',
    // Dot segments.
    '/./admin',
    '/x/../admin',
    '/x/%2e%2e/admin',
    '/x%2f..%2fadmin',
    '/x\\..\\admin',
    '/../../admin',
    '/api/./keys',
    // Parameters, which some routers cut.
    '/admin;jsessionid=1',
    '/admin;',
    '/x/..;/admin',
    '/api;v=1/keys;a=b/7',
    '/admin%3Bx',
    // A malformed escape next to a good one.
    '/%61dmin/%',
    '/%61dmin/%zz',
    '/%61dmin/%ff',
    '/api%2fkeys/%c3%28',
    '/admin;%e0%a4%a',
    '/admin%00/%ff',
    // What C would not see.
    '/admin%00',
    '/admin%00.jpg',
    '/.env%00/x',
    // Targets that Express and Fastify route to /admin.
    '/admin#',
    '/admin#/x',
    'http://example.com/admin',
    'HTTP://user@example.com:80/%61dmin#x',
    'https://example.com//admin',
  ])('has %s', (path) => {
    expect(paths.has(path)).toBe(true);
  });

  it.each([
    '/',
    '',
    '*',
    '/administrator',
    '/admin.php',
    '/adminx/admin',
    '/x/admin',
    '/api',
    '/api/keysx',
    '/keys',
    '/admin/..',
    '/admin/../x',
    '/admin%252f',
    '/%2561dmin',
    '/admin%20',
    '/admin%3fx',
    '/admin%23x',
    '/%',
    '/%zz/%61dmin',
    '/%ff/admin',
    '/x#/admin',
    '/x;/admin',
    'http://admin',
    'http://admin/x',
    'http://example.com#/admin',
    'admin.example.com:443',
  ])('does not have %s', (path) => {
    expect(paths.has(path)).toBe(false);
  });

  it('has nothing where nothing is listed', () => {
    expect(new ListedPaths([]).has('/admin')).toBe(false);
    expect(new ListedPaths(['/']).has('/')).toBe(false);
  });

  it('keeps listed paths apart that begin alike', () => {
    const several = new ListedPaths(['/api/keys', '/api/users/secret', '/api/users']);
    expect(several.has('/api/keys')).toBe(true);
    expect(several.has('/api/users/7')).toBe(true);
    expect(several.has('/api/other')).toBe(false);
  });

  it('has what is listed in every spelling of it', () => {
    const name = fc.string({
      minLength: 1,
      unit: fc.constantFrom('a', 'B', 'z', '-', '_', '1', '.', 'ä', 'é'),
    });
    const segment = name.filter((text) => text !== '.' && text !== '..');
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
        (segments, choices) => {
          const spelt = segments.map((text, i) => spell(text, choices.slice(10 * i))).join('');
          expect(new ListedPaths([`/${segments.join('/')}`]).has(spelt)).toBe(true);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('holds a path against the list as comparing segment by segment would', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'A', 'ab', '.', '..', '', '%61', 'a;b'), { maxLength: 5 })
      .map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(fc.array(path, { maxLength: 4 }), path, (listed, asked) => {
        const expected = listed
          .map((entry) => pathSegments(entry).join('/'))
          .some(
            (entry) => entry !== '' && `${pathSegments(asked).join('/')}/`.startsWith(`${entry}/`),
          );
        expect(new ListedPaths(listed).has(asked)).toBe(expected);
      }),
      { numRuns: 10_000 },
    );
  });

  it('never throws, whatever a client sends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(typeof paths.has(text)).toBe('boolean');
        expect(typeof paths.has(`/%61dmin${text}%`)).toBe('boolean');
      }),
      { numRuns: 1_000 },
    );
  });
});

/** One of the ways to write a segment that mean the same. */
function spell(segment: string, choices: readonly number[]): string {
  const separators = ['/', '//', '/./', '\\', '%2f', '%5C', '/x/../', '/x/%2E%2e/'];
  const letters = [...segment].map((letter, i) => {
    const choice = choices[(i + 1) % choices.length]! % 3;
    if (choice === 0) return letter;
    return choice === 1 ? letter.toUpperCase() : escaped(letter);
  });
  const parameters = ['', '', ';', ';a=b', '%3bc'];
  return (
    separators[choices[0]! % separators.length]! +
    letters.join('') +
    parameters[choices.at(-1)! % parameters.length]!
  );
}

function escaped(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
