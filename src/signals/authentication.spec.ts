import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import { authenticationOf, looksLikeLogin } from './authentication.js';
import type { RequestFacts } from './request-facts.js';
import { namesOf } from './signal.js';

const LOGIN: Partial<RequestFacts> = {
  method: 'POST',
  isLogin: true,
  outcome: 'served',
  status: 200,
};
const REFUSED = { outcome: 'refused', status: 401 } as const;
const HTML = { responseType: 'text/html' };

describe('credentials', () => {
  it.each<[string, Partial<RequestFacts>, string[]]>([
    ['were handed in and accepted', LOGIN, ['auth-success', 'login']],
    [
      'were accepted without a word',
      { ...LOGIN, status: 204, responseType: null },
      ['auth-success', 'login'],
    ],
    ['were refused with 401', { ...LOGIN, ...REFUSED }, ['auth-failure', 'login']],
    ['were refused with 403', { ...LOGIN, ...REFUSED, status: 403 }, ['auth-failure', 'login']],
    ['were perhaps refused: the form was shown again', { ...LOGIN, ...HTML }, ['login']],
    ['were perhaps refused: a redirect', { ...LOGIN, status: 302 }, ['login']],
    [
      'were perhaps refused: nobody knows what was sent',
      { ...LOGIN, responseType: null },
      ['login'],
    ],
    ['were refused, says the app', { ...LOGIN, reported: 'failure' }, ['auth-failure', 'login']],
    [
      'were accepted, says the app',
      { ...LOGIN, ...REFUSED, reported: 'success' },
      ['auth-success', 'login'],
    ],
    [
      'were refused by a GET, says the app',
      { ...LOGIN, method: 'GET', reported: 'failure' },
      ['auth-failure'],
    ],
    [
      'were refused on a route that is no login, says the app',
      { ...LOGIN, isLogin: false, reported: 'failure' },
      ['auth-failure'],
    ],
    ['were refused in a GET of a login', { ...LOGIN, ...REFUSED, method: 'GET' }, ['auth-failure']],
    ['were not handed in: a look', { ...LOGIN, ...REFUSED, method: 'HEAD' }, []],
    ['were not looked at', { ...LOGIN, outcome: 'throttled', status: 401 }, ['login']],
    ['were not handed in: a preflight', { ...LOGIN, ...REFUSED, method: 'OPTIONS' }, []],
    [
      'were missing on a sensitive POST',
      { ...REFUSED, method: 'POST', isSensitive: true },
      ['auth-failure'],
    ],
    ['were missing on a sensitive GET', { ...REFUSED, isSensitive: true }, []],
    ['were missing on another POST', { ...REFUSED, method: 'POST' }, []],
    [
      'never arrived: the client is banned',
      { ...LOGIN, outcome: 'blocked', status: 403 },
      ['login'],
    ],
    [
      'never arrived: the client is limited',
      { ...LOGIN, outcome: 'throttled', status: 429 },
      ['login'],
    ],
  ])('%s', (_, changes, names) => {
    expect(namesOf(authenticationOf(requestFacts(changes), '/'))).toEqual(names);
  });

  it('are looked for by the path where nobody knows the routes', () => {
    const unknown = { ...LOGIN, ...REFUSED, isLogin: null };
    const of = (changes: Partial<RequestFacts>, path: string) =>
      namesOf(authenticationOf(requestFacts({ ...unknown, ...changes }), path));
    expect(of({}, '/api/login')).toEqual(['auth-failure', 'login']);
    expect(of({}, '/api/orders')).toEqual([]);
    expect(of({ method: 'GET' }, '/api/login')).toEqual([]);
    expect(of({ status: 200, outcome: 'served', responseType: null }, '/login')).toEqual(['login']);
  });

  it.each([
    '/login',
    '/Login/',
    '/users/sign_in',
    '/api/v1/auth/login',
    '/wp-login.php',
    '/account/logon.aspx',
    '/sessions',
    '/j_security_check',
    `/${'a'.repeat(70)}/login`,
    `/login.${'x'.repeat(58)}`,
  ])('are taken at %s', (path) => {
    expect(looksLikeLogin(path)).toBe(true);
  });

  it.each([
    '/',
    '',
    '/login/help',
    '/logins',
    '/blog/how-to-login',
    '/api/token',
    '/.login',
    `/login.${'x'.repeat(59)}`,
    `/${'login'.repeat(90)}`,
  ])('are not taken at %s', (path) => {
    expect(looksLikeLogin(path)).toBe(false);
  });
});
