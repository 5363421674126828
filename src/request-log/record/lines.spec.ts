import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lines } from './lines.js';

const texts = fc.array(
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replaceAll('\n', '')),
);
const bytesOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

describe('Lines', () => {
  it('are their texts, each with its newline', () => {
    fc.assert(
      fc.property(texts, (given) => {
        const lines = Lines.of(given);
        expect(lines.length).toBe(given.length);
        expect([...lines]).toEqual(given);
        expect(lines.bytes.toString()).toBe(bytesOf(given));
      }),
    );
  });

  it('are cut as an array is, also what was cut already', () => {
    fc.assert(
      fc.property(texts, fc.nat(12), fc.nat(12), fc.nat(12), (given, from, to, later) => {
        const some = Lines.of(given).slice(from, to);
        const expected = given.slice(from, Math.max(from, to));
        expect([...some]).toEqual(expected);
        expect(some.bytes.toString()).toBe(bytesOf(expected));
        expect(Array.from(some.slice(later))).toEqual(expected.slice(later));
      }),
    );
  });

  it('are put in a row, cut ones and empty ones too', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, fc.nat(4), fc.nat(8))), (parts) => {
        const views = parts.map(([given, from, to]) => Lines.of(given).slice(from, from + to));
        const expected = parts.flatMap(([given, from, to]) => given.slice(from, from + to));
        const joined = Lines.joined(views);
        expect([...joined]).toEqual(expected);
        expect(joined.bytes.toString()).toBe(bytesOf(expected));
      }),
    );
  });

  it('are chosen by their texts', () => {
    const lines = Lines.of(['a', 'b', 'ab']).slice(1);
    expect([...lines.where((text) => text.includes('a'))]).toEqual(['ab']);
  });
});
