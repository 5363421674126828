import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../ip-tracking.options.js';
import type { PrivacyOptions } from './privacy.options.js';

const database = { url: 'postgres://u:p@127.0.0.1:5432/x' };
const KEY = 'k'.repeat(32);
const resolve = (privacy: PrivacyOptions) => resolveOptions({ database, privacy }).privacy;

function errorOf(privacy: unknown): { code: string; message: string } {
  try {
    resolve(privacy as PrivacyOptions);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('it was taken');
}

describe('the privacy options', () => {
  it('keep everything but query strings unless told otherwise', () => {
    expect(resolve({})).toEqual({
      address: 'full',
      keys: [],
      rotateEveryMs: 86_400_000,
      query: [],
      userAgent: true,
    });
  });

  it('have the current key first', () => {
    const previousKeys = ['p'.repeat(40)];
    expect(resolve({ address: 'hashed', key: KEY, previousKeys, rotateEvery: '7d' })).toMatchObject(
      { keys: [KEY, ...previousKeys], rotateEveryMs: 7 * 86_400_000 },
    );
  });

  it.each([
    [{ address: 'hash' }, 'IPT_INVALID_OPTION', /privacy\.address .*did you mean "hashed"/],
    [{ adress: 'full' }, 'IPT_UNKNOWN_OPTION', /Did you mean privacy\.address/],
    [{ address: 'hashed' }, 'IPT_PRIVACY_KEY', /privacy\.key is missing/],
    [{ key: 'short' }, 'IPT_PRIVACY_KEY', /privacy\.key is 5 bytes long/],
    [{ key: '' }, 'IPT_PRIVACY_KEY', /privacy\.key is 0 bytes long/],
    [{ key: KEY, previousKeys: ['x'] }, 'IPT_PRIVACY_KEY', /privacy\.previousKeys\[0\]/],
    [{ previousKeys: KEY }, 'IPT_INVALID_OPTION', /privacy\.previousKeys/],
    [{ rotateEvery: 'daily' }, 'IPT_INVALID_DURATION', /privacy\.rotateEvery: "daily"/],
    [{ rotateEvery: '59m' }, 'IPT_INVALID_OPTION', /privacy\.rotateEvery .*an hour or more/],
    [{ rotateEvery: 24 }, 'IPT_INVALID_OPTION', /privacy\.rotateEvery/],
    [{ query: true }, 'IPT_INVALID_OPTION', /privacy\.query/],
    [{ query: ['a', 1] }, 'IPT_INVALID_OPTION', /privacy\.query/],
    [{ userAgent: 'no' }, 'IPT_INVALID_OPTION', /privacy\.userAgent/],
    [false, 'IPT_INVALID_OPTION', /privacy/],
  ])('refuse %j', (privacy, code, message) => {
    const error = errorOf(privacy);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('never show a key', () => {
    expect(errorOf({ key: 'hunter2' }).message).not.toContain('hunter2');
  });
});
