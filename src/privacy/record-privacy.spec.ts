import { describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { privacySettings } from './privacy.options.js';
import type { PrivacyOptions } from './privacy.options.js';
import { RecordPrivacy } from './record-privacy.js';

const RECORD = {
  id: 'an id',
  ip: parseIp('203.0.113.77'),
  timestampMs: Date.UTC(2026, 2, 31, 12),
  userAgent: 'curl/8',
  country: 'DE',
};
const privacy = (options: PrivacyOptions = {}) => new RecordPrivacy(privacySettings(options));

describe('a record', () => {
  const applied = (options: PrivacyOptions) => {
    const record = { ...RECORD };
    privacy(options).apply(record);
    return record;
  };

  it('is left as it is unless something is to be taken from it', () => {
    expect(applied({})).toEqual(RECORD);
  });

  it('loses its address and its user agent alone', () => {
    expect(applied({ address: 'none' })).toEqual({ ...RECORD, ip: null });
    expect(applied({ userAgent: false })).toEqual({ ...RECORD, userAgent: null });
  });
});

describe('a query string', () => {
  it.each([
    ['/a?page=2&token=secret&sort=name', '?page=2&sort=name'],
    ['/a?token=secret', ''],
    ['/a?', ''],
    ['/a', ''],
    ['/a?page', '?page'],
    ['/a?page=', '?page='],
    ['/a?page=1&page=2', '?page=1&page=2'],
    ['/a?p%61ge=1', '?p%61ge=1'],
    ['/a?pag%=1&page=2', '?page=2'],
    ['/a?Page=1', ''],
    ['/a?x=page=1', ''],
    ['/a?page=1#page=2', '?page=1'],
    ['/a?page=1?sort=2', '?page=1?sort=2'],
    ['/a?my+name=x&my%20name=y', '?my+name=x&my%20name=y'],
    ['/?page=2', '?page=2'],
    ['page', ''],
    ['/a?100%=1', '?100%=1'],
  ])('of %s keeps %s', (url, kept) => {
    expect(privacy({ query: ['page', 'sort', 'my name', '100%'] }).queryOf(url)).toBe(kept);
  });

  it('keeps nothing by default', () => {
    expect(privacy().queryOf('/a?page=2')).toBe('');
    expect(privacy({ query: false }).queryOf('/a?page=2')).toBe('');
  });
});
