import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOfLines } from './line-bytes.js';

const plainly = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

describe('bytesOfLines', () => {
  it('is the same as the joined text in UTF-8', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 300 })), (lines) => {
        expect(bytesOfLines(lines).toString()).toBe(plainly(lines));
      }),
      { numRuns: 500, seed: 20_260_312 },
    );
  });

  it.each([
    ['lines of many buffers', Array.from({ length: 5_000 }, (_, i) => `${i}\t${'ä'.repeat(100)}`)],
    ['a line longer than a buffer, among short ones', ['a', 'ş'.repeat(100_000), 'b']],
    ['a line that just fills a buffer', ['€'.repeat(21_845), '€'.repeat(21_844)]],
  ])('keeps %s whole', (_, lines) => {
    expect(bytesOfLines(lines).toString()).toBe(plainly(lines));
  });
});
