import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lines } from '../record/lines.js';
import { isRefusedData, isTimeout, writeIsolating } from './isolating-write.js';

const withCode = (code: string) => Object.assign(new Error(code), { code });
const DATA = withCode('22P05');
const GONE = withCode('ECONNREFUSED');

/** A store that refuses any write with a poisonous line, and goes away after so many writes. */
function storeThat(isPoison: (line: string) => boolean, lasts = Infinity) {
  const kept: string[] = [];
  const refused: [string, unknown][] = [];
  const told: string[] = [];
  let pending: string[] = [];
  let writes = 0;
  return {
    kept,
    refused,
    told,
    writes: () => writes,
    run: (lines: readonly string[]) =>
      writeIsolating(
        Lines.of(lines),
        async (these) => {
          const batch = [...these];
          if (writes++ >= lasts) throw GONE;
          if (batch.some(isPoison)) throw DATA;
          pending = [...batch];
          kept.push(...batch);
        },
        {
          stored: (count) => {
            expect(pending).toHaveLength(count);
            told.push(...pending);
          },
          refused: (line, error) => {
            refused.push([line, error]);
            told.push(line);
          },
        },
      ),
  };
}

describe('writeIsolating', () => {
  it('writes all lines at once where none is refused', async () => {
    const store = storeThat(() => false);
    await store.run(['a', 'b', 'c']);
    expect(store.kept).toEqual(['a', 'b', 'c']);
    expect(store.writes()).toBe(1);
    expect(store.refused).toEqual([]);
  });

  it('refuses the poisonous line alone, and says why', async () => {
    const store = storeThat((line) => line === 'p');
    await store.run(['a', 'b', 'p', 'c']);
    expect(store.kept).toEqual(['a', 'b', 'c']);
    expect(store.refused).toEqual([['p', DATA]]);
  });

  it('tells every line once, in order, whatever is poisonous', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => String(i));
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.uniqueArray(fc.nat(39)), async (length, poisonous) => {
        const isPoison = (line: string) => poisonous.includes(Number(line));
        const batch = lines.slice(0, length);
        const store = storeThat(isPoison);
        await store.run(batch);
        expect(store.told).toEqual(batch);
        expect(store.kept).toEqual(batch.filter((line) => !isPoison(line)));
        expect(store.refused.map(([line]) => line)).toEqual(batch.filter(isPoison));
        const poison = store.refused.length;
        expect(store.writes()).toBeLessThanOrEqual(
          1 + 2 * poison * Math.ceil(Math.log2(length + 1)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('holds what it has told when the store goes away meanwhile', async () => {
    const lines = Array.from({ length: 16 }, (_, i) => String(i));
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.uniqueArray(fc.nat(15)), async (lasts, poisonous) => {
        const store = storeThat((line) => poisonous.includes(Number(line)), lasts);
        const failure = await store.run(lines).catch((error: unknown) => error);
        expect(store.told).toEqual(lines.slice(0, store.told.length));
        expect(failure).toBe(store.told.length === lines.length ? undefined : GONE);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['a store that is gone', GONE],
    ['a missing table', withCode('42P01')],
    ['a bug of a sink', new TypeError('x is undefined')],
    ['nothing at all', undefined],
    ['null', null],
    ['a text', 'no'],
  ])('blames no line for %s', async (_, error) => {
    const told: unknown[] = [];
    const progress = { stored: () => told.push(1), refused: () => told.push(1) };
    const written = writeIsolating(Lines.of(['a', 'b']), () => Promise.reject(error), progress);
    const failure = await written.then(
      () => 'written',
      (reason: unknown) => ({ reason }),
    );
    expect(failure).toEqual({ reason: error });
    expect(told).toEqual([]);
  });

  it.each([
    ['22021', true],
    ['22P05', true],
    ['23502', true],
    ['23514', true],
    ['54000', true],
    ['P0001', true],
    ['42P01', false],
    ['42501', false],
    ['40001', false],
    ['57014', false],
    ['53100', false],
    ['08006', false],
    ['25006', false],
    ['ECONNRESET', false],
  ])('%s is the fault of the data: %s', (code, expected) => {
    expect(isRefusedData(withCode(code))).toBe(expected);
    expect(isRefusedData({ driverError: { code } })).toBe(expected);
  });

  it.each([
    ['57014', true],
    ['55P03', true],
    ['ETIMEDOUT', true],
    ['22021', false],
    ['ECONNREFUSED', false],
  ])('%s says that the store took too long: %s', (code, expected) => {
    expect(isTimeout(withCode(code))).toBe(expected);
  });
});
