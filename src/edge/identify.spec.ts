import { describe, expect, it } from 'vitest';
import { type Identify, identifyByUserKeys, identifySafely } from './identify.js';

describe('identifyByUserKeys', () => {
  it.each([
    [{ user: { id: 7 } }, 7],
    [{ user: { id: 0 } }, 0],
    [{ user: { id: 'ada' } }, 'ada'],
    [{ user: { sub: 'ada' } }, 'ada'],
    [{ user: { id: 7, sub: 'ada' } }, 7],
    [{ user: { id: null, sub: 'ada' } }, 'ada'],
    [{ user: { id: { $oid: 'x' } } }, null],
    [{ user: { name: 'ada' } }, null],
    [{ user: null }, null],
    [{ user: 'ada' }, null],
    [{ user: true }, null],
    [{}, null],
  ])('of %j is %j', (request, expected) => {
    expect(identifyByUserKeys(['id', 'sub'])(request)).toBe(expected);
  });
});

describe('identifySafely', () => {
  it.each<[unknown, string | null]>([
    ['ada', 'ada'],
    [7, '7'],
    [0, '0'],
    [10n, '10'],
    ['', null],
    [null, null],
    [undefined, null],
    // As texts, all of these would be one user.
    [{ id: 7 }, null],
    [['ada'], null],
    [Promise.resolve('ada'), null],
    [Number.NaN, null],
    [true, null],
    [Symbol('ada'), null],
    [() => 'ada', null],
  ])('takes %o for %j', (id, expected) => {
    expect(identifySafely((() => id) as Identify, {})).toBe(expected);
  });

  it('asks the host about the request that it is given', () => {
    const request = { headers: { 'x-user': 'ada' } };
    const identify: Identify = (asked) => (asked as typeof request).headers['x-user'];
    expect(identifySafely(identify, request)).toBe('ada');
  });

  it.each([[null], [undefined], [{ user: undefined }]])(
    'takes a request without a user for nobody’s: %j',
    (request) => {
      expect(identifySafely(identifyByUserKeys(['id', 'sub']), request)).toBeNull();
    },
  );

  it('takes an error of the host’s function for nobody', () => {
    const identify: Identify = () => {
      throw new Error('no session');
    };
    expect(identifySafely(identify, {})).toBeNull();
  });
});
