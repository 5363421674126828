import { expect, it } from 'vitest';
import { isMilder, isResponse, milder, type Response } from './response.js';

const MILDEST_FIRST: readonly Response[] = ['flag', 'limit', 'ban'];

it.each(MILDEST_FIRST.flatMap((one) => MILDEST_FIRST.map((other) => [one, other] as const)))(
  'of %s and %s the milder one is known',
  (one, other) => {
    const [first, second] = [one, other].map((response) => MILDEST_FIRST.indexOf(response));
    expect(isMilder(one, other)).toBe(first! < second!);
    expect(milder(one, other)).toBe(MILDEST_FIRST[Math.min(first!, second!)]);
  },
);

it.each([
  ...MILDEST_FIRST.map((response) => [response, true] as const),
  ['off', false],
  ['constructor', false],
  // As a key it would read as what is in it.
  [['ban'], false],
  [null, false],
  [undefined, false],
  [2, false],
] as const)('%j is a response: %s', (value, isOne) => {
  expect(isResponse(value)).toBe(isOne);
});
