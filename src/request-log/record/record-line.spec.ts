import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lines } from './lines.js';
import { earliestOf } from './record-line.js';

const lineAt = (time: string): string => `0197-id\t${time}\t203.0.113.7`;

describe('the time of the earliest line', () => {
  it('is the least of all times', () => {
    const times = fc.array(
      fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
      {
        minLength: 1,
      },
    );
    fc.assert(
      fc.property(times, fc.nat(5), (dates, skipped) => {
        const seen = dates.slice(Math.min(skipped, dates.length - 1));
        const lines = Lines.of(dates.map((date) => lineAt(date.toISOString())));
        const earliest = new Date(Math.min(...seen.map((date) => date.getTime())));
        expect(earliestOf(lines.slice(dates.length - seen.length))).toBe(earliest.toISOString());
      }),
    );
  });

  it.each([
    ['no line', []],
    ['a year before Christ', ['-000001-01-01T00:00:00.000Z']],
    ['a year of six digits', ['+010000-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z']],
    ['what is no time', ["2026-01-01'); drop table x"]],
    ['what is cut off', ['2026-01-01T00:00']],
  ])('is as early as can be for %s', (_, times) => {
    expect(earliestOf(Lines.of(times.map(lineAt)))).toBe('-infinity');
  });

  it('is as early as can be where a line has no time', () => {
    expect(earliestOf(Lines.of(['0197-id', 'x']))).toBe('-infinity');
  });
});
