import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ForwardClock } from './forward-clock.js';

function ticks(readings: readonly number[]): number[] {
  const left = [...readings];
  const clock = new ForwardClock(() => left.shift()!);
  return readings.map(() => clock.tick());
}

describe('ForwardClock', () => {
  it.each([
    { name: 'says what it reads', readings: [5, 6, 6, 9.5], expected: [5, 6, 6, 9.5] },
    {
      name: 'goes on where it was after a step back',
      readings: [10, 4, 5, 8],
      expected: [10, 10, 11, 14],
    },
    { name: 'adds up many steps', readings: [10, 4, 5, 1, 2], expected: [10, 10, 11, 11, 12] },
    { name: 'follows a step forward', readings: [10, 100, 101], expected: [10, 100, 101] },
    { name: 'reads times before 0', readings: [-5, -4, -9], expected: [-5, -4, -4] },
  ])('$name', ({ readings, expected }) => {
    expect(ticks(readings)).toEqual(expected);
  });

  it('counts the steps forward alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1 }),
        (readings) => {
          const answers = ticks(readings);
          const passed = readings.slice(1).map((reading, i) => Math.max(0, reading - readings[i]!));
          expect(answers.slice(1).map((answer, i) => answer - answers[i]!)).toEqual(passed);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
