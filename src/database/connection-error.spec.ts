import { describe, expect, it } from 'vitest';
import { describeConnectionError, errorCodeOf, isTransient } from './connection-error.js';

const withCode = (code: string, message = 'm') => Object.assign(new Error(message), { code });

describe('errorCodeOf', () => {
  it.each<[string, unknown, string | null]>([
    ['an error of pg or node', withCode('57P01'), '57P01'],
    ['an error of TypeORM', { driverError: withCode('23505') }, '23505'],
    [
      'one error for each address of a host',
      { errors: [withCode('ECONNREFUSED')] },
      'ECONNREFUSED',
    ],
    ['its own code first', { code: 'A', driverError: { code: 'B' } }, 'A'],
    ['an error without a code', new Error('m'), null],
    ['no errors', { errors: [] }, null],
    ['a text', '57P01', null],
    ['null', null, null],
    ['undefined', undefined, null],
  ])('finds the code of %s', (_, error, expected) => {
    expect(errorCodeOf(error)).toBe(expected);
  });
});

describe('isTransient', () => {
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'ECONNABORTED',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EPIPE',
    'EHOSTUNREACH',
    'EHOSTDOWN',
    'ENETUNREACH',
    'ENETDOWN',
    '08006',
    '08P01',
    '53100',
    '53300',
    '57P01',
    '57P03',
    '40001',
    '40P01',
    '25006',
    '25P03',
    'IPT_DATABASE_UNAVAILABLE',
  ])('is %s', (code) => {
    expect(isTransient(withCode(code))).toBe(true);
    expect(isTransient({ driverError: { code } })).toBe(true);
  });

  it.each(['22021', '23505', '42P01', '42501', '28P01', '3D000', '54000', 'IPT_SCHEMA_MISSING'])(
    'is not %s',
    (code) => {
      expect(isTransient(withCode(code, 'connection terminated'))).toBe(false);
    },
  );

  it.each([
    ['Connection terminated unexpectedly', true],
    ['Connection terminated due to connection timeout', true],
    ['timeout exceeded when trying to connect', true],
    ['Client has encountered a connection error and is not queryable', true],
    ['x is not a function', false],
  ])('reads a plain error: %s', (message, expected) => {
    expect(isTransient(new Error(message))).toBe(expected);
  });

  it.each([[null], [undefined], ['connection'], [7]])('is not %s', (thrown) => {
    expect(isTransient(thrown)).toBe(false);
  });
});

describe('describeConnectionError', () => {
  it.each([
    ['ECONNREFUSED', /is PostgreSQL running/],
    ['ENOTFOUND', /is the host in the URL right/],
    ['28P01', /refused the password/],
    ['3D000', /does not exist/],
    ['53300', /max_connections/],
    ['42501', /grant it create/],
  ])('says what to do about %s', (code, advice) => {
    const text = describeConnectionError(withCode(code, 'secret'));
    expect(text).toMatch(advice);
    expect(text).toMatch(new RegExp(`\\(${code}\\)$`));
    expect(text).not.toContain('secret');
  });

  it('advises about one error for each address of a host, whose own message is empty', () => {
    const error = new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')], '');
    expect(describeConnectionError(error)).toMatch(/nothing listens there/);
  });

  it.each<[unknown, string]>([
    [new Error('out of paper'), 'out of paper'],
    [withCode('XX000', ''), 'XX000'],
    [new Error(''), 'unknown error'],
    ['out of ink', 'out of ink'],
  ])('passes on what it does not know: %s', (error, expected) => {
    expect(describeConnectionError(error)).toBe(`PostgreSQL cannot be used: ${expected}`);
  });
});
