import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.js';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

describe('parseDuration', () => {
  it.each([
    ['1s', 1_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
    ['1d12h', 129_600_000],
    ['12h1d', 129_600_000],
    ['1m1m', 120_000],
    ['0s1m', 60_000],
    ['007s', 7_000],
    ['3650d', 315_360_000_000],
  ])('reads %s as %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    ['nothing', ''],
    ['a unit alone', 'h'],
    ['a number alone', '30'],
    ['zero', '0s'],
    ['zero of each', '0d0h'],
    ['a sign', '-1h'],
    ['a fraction', '1.5h'],
    ['a comma', '1,5h'],
    ['capitals', '1H'],
    ['words', '30 minutes'],
    ['milliseconds', '500ms'],
    ['a space between', '1d 12h'],
    ['a space around', ' 1h'],
    ['a line end', '1h\n'],
    ['something before', 'x1h'],
    ['something after', '1hx'],
    ['something between', '1h+1m'],
    ['other digits', '١h'],
    ['an exponent', '1e3s'],
    ['more than ten years', '3650d1s'],
    ['more digits than ten years have', '1000000000s'],
    ['far more', '999999999w999999999w'],
    ['a megabyte', '1s'.repeat(500_000)],
  ])('refuses %s', (_, text) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({ code: 'IPT_INVALID_DURATION' }),
    );
  });

  it('names what it was given, shortened, and what to write', () => {
    expect(() => parseDuration('soon')).toThrow(/^"soon" is not a duration: .*30m, 2h, 7d/);
    const tooLong = (() => {
      try {
        return String(parseDuration('x'.repeat(10_000)));
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(tooLong.length).toBeLessThan(250);
  });

  it('adds up any numbers and units', () => {
    const part = fc.tuple(fc.nat(200), fc.constantFrom('s', 'm', 'h', 'd', 'w'));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const sum = parts.reduce((total, [count, unit]) => total + count * UNITS[unit], 0);
        fc.pre(sum > 0 && sum <= 3_650 * UNITS.d);
        expect(parseDuration(parts.flat().join(''))).toBe(sum);
      }),
      { numRuns: 5_000 },
    );
  });

  it('reads nothing that does not look like a duration', () => {
    const nearly = fc.string({ unit: fc.constantFrom('0', '1', '9', 's', 'h', 'w', ' ', '.') });
    fc.assert(
      fc.property(nearly, (text) => {
        fc.pre(!/^(\d{1,9}[smhdw])+$/.test(text));
        expect(() => parseDuration(text)).toThrow(/is not a duration/);
      }),
      { numRuns: 5_000 },
    );
  });
});
