import { describe, expect, it } from 'vitest';
import { hostName } from './host-name.js';
import { isMethod } from './request-method.js';
import { authorityStart, formOf, pathStart, type TargetForm } from './target-form.js';

describe('formOf', () => {
  it.each<[string, string, TargetForm]>([
    ['GET', '/', 'origin'],
    ['GET', '//x.example/a', 'origin'],
    ['CONNECT', '/', 'origin'],
    ['GET', 'http://x.example/a', 'absolute'],
    ['GET', 'HTTPS://x.example', 'absolute'],
    ['GET', 'ftp://x.example/a', 'absolute'],
    ['CONNECT', 'x.example:443', 'authority'],
    ['CONNECT', '[2001:db8::1]:443', 'authority'],
    ['CONNECT', '', 'none'],
    ['OPTIONS', '*', 'asterisk'],
    ['PRI', '*', 'asterisk'],
    ['', '', 'empty'],
    ['-', '', 'empty'],
    ['', '-', 'empty'],
    ['GET', '', 'none'],
    ['GET', 'login.htm', 'none'],
    ['OPTIONS', 'sip:nm', 'none'],
    ['GET', '\\a', 'none'],
    ['GET', '://x', 'none'],
    ['GET', `${'a'.repeat(40)}://x`, 'none'],
    ['SSH-2.0-Go', '', 'none'],
    ['MGLNDD_192.0.2.1_443', '', 'none'],
    ['\x16\x03\x01', '', 'none'],
  ])('of %j and %j is %s', (method, target, form) => {
    expect(formOf(method, target)).toBe(form);
  });

  it.each([
    ['http://x.example/a?b', 'x.example', '/a?b'],
    ['http://x.example', 'x.example', ''],
    ['http://x.example?b', 'x.example', '?b'],
    ['http://u:p@x.example:8080#c', 'u:p@x.example:8080', '#c'],
    ['http:///a', '', '/a'],
  ])('splits %j', (target, authority, rest) => {
    const start = authorityStart(target);
    const end = pathStart(target, start);
    expect([target.slice(start, end), target.slice(end)]).toEqual([authority, rest]);
  });
});

describe('a scheme', () => {
  it('has letters, digits and three signs', () => {
    const characters = Array.from({ length: 128 }, (_, c) => String.fromCharCode(c));
    const taken = characters.filter((character) => authorityStart(`a${character}://x`) > 0);
    expect(taken.join('')).toBe(
      '+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
    );
  });

  it.each([
    ['a://', 4],
    [`${'a'.repeat(31)}://x`, 34],
    [`${'a'.repeat(32)}://x`, -1],
    ['a:/x', -1],
    ['a:x/y', -1],
    ['a', -1],
    ['', -1],
  ])('ends in %j before %i', (target, start) => {
    expect(authorityStart(target)).toBe(start);
  });

  it.each([
    ['http://x', 8],
    ['http://x/', 8],
    ['http://', 7],
  ])('and an authority: the path of %s begins at %i', (target, start) => {
    expect(pathStart(target, 7)).toBe(start);
  });
});

describe('hostName', () => {
  it.each([
    ['x.example', 'x.example'],
    ['X.Example', 'x.example'],
    ['x.example:80', 'x.example'],
    ['x.example:443', 'x.example'],
    ['x.example:', 'x.example'],
    ['x.example:8080', 'x.example:8080'],
    ['x.example.', 'x.example'],
    ['x.example.:8080', 'x.example:8080'],
    ['user:secret@x.example', 'x.example'],
    ['[2001:DB8::1]:443', '[2001:db8::1]'],
    ['x.example.:8080a', 'x.example.:8080a'],
    ['', ''],
    ['a'.repeat(300), 'a'.repeat(300)],
    ['a'.repeat(301), ''],
    ['a'.repeat(9_000), ''],
  ])('of %j is %j', (authority, host) => {
    expect(hostName(authority)).toBe(host);
  });
});

describe('isMethod', () => {
  it.each([
    'GET',
    'POST',
    'PROPFIND',
    'VERSION-CONTROL',
    'M-SEARCH',
    'PURGE',
    'get',
    'QUERY',
    'A'.repeat(32),
    "!#$%&'*+-.^_`|~",
  ])('takes %s for one', (method) => {
    expect(isMethod(method)).toBe(true);
  });

  it.each(['', 'GE T', 'GET/', '{', '\x16\x03\x01', 'GÉT', 'G\0T', '"GET"', 'A'.repeat(33)])(
    'takes %j for none',
    (method) => {
      expect(isMethod(method)).toBe(false);
    },
  );
});
