import { describe, expect, it } from 'vitest';
import { parseIp } from './ip-address.js';
import { trackerKey } from './tracker-key.js';

describe('trackerKey', () => {
  it.each([
    ['192.0.2.1', 64, '192.0.2.1'],
    ['::ffff:192.0.2.1', 64, '192.0.2.1'],
    ['::ffff:c000:201', 56, '192.0.2.1'],
    ['2001:db8::1', 64, '2001:db8::/64'],
    ['2001:db8:0:1:2:3:4:5', 64, '2001:db8:0:1::/64'],
    ['2001:db8:0:1ff::1', 56, '2001:db8:0:100::/56'],
    ['2001:db8::1.2.3.4', 64, '2001:db8::/64'],
    ['2001:db8::1', 128, '2001:db8::1/128'],
    ['ffff::', 1, '8000::/1'],
  ])('%s by /%s is %s', (text, length, key) => {
    expect(trackerKey(parseIp(text)!, length)).toBe(key);
  });

  it('counts by /64 unless told', () => {
    expect(trackerKey(parseIp('2001:db8::dead:beef')!)).toBe('2001:db8::/64');
  });

  it('gives IPv4 clients of a dual-stack socket a key each', () => {
    expect(trackerKey(parseIp('::ffff:192.0.2.1')!, 56)).not.toBe(
      trackerKey(parseIp('::ffff:192.0.2.2')!, 56),
    );
  });

  it.each([0, 129, -1, 63.5, NaN, Infinity, '64' as unknown as number, null as unknown as number])(
    'refuses a prefix length of %s',
    (length) => {
      expect(() => trackerKey(parseIp('2001:db8::1')!, length)).toThrow(
        expect.objectContaining({
          code: 'IPT_INVALID_OPTION',
          message: expect.stringContaining('1 to 128'),
        }),
      );
    },
  );
});
