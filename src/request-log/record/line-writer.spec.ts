import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineOf } from '../../../test/support/plain-line.js';
import { recordOf as plainRecord } from '../../../test/support/request-queue.js';
import { IpAddress } from '../../net/ip-address.js';
import { LineWriter, linesOf } from './line-writer.js';
import { recordOf } from './record-line.js';
import type { LogRecord } from './request-record.js';

const text = fc.oneof(
  fc.string({ maxLength: 100 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({
    unit: fc.constantFrom('\\', '\t', '\n', '\r', '\u001e', 'é', '😀', 'a'),
    maxLength: 200,
  }),
  fc.string({ minLength: 60, maxLength: 3_000 }),
);
const maybe = fc.option(text, { nil: null });
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const ip = fc.oneof(
  fc.constant(null),
  word.map((w0) => IpAddress.fromV4(w0)),
  fc.tuple(word, word, word, word).map((words) => IpAddress.fromV6(...words)),
);
const count = fc.oneof(fc.nat(), fc.nat({ max: 12 }), fc.maxSafeNat());
const records: fc.Arbitrary<LogRecord> = fc.record({
  id: fc.oneof(fc.uuid(), text),
  timestampMs: fc.oneof(
    fc.integer({ min: 1_790_000_000_000, max: 1_790_000_005_000 }),
    fc.integer({ min: -8.64e15, max: 8.64e15 }),
  ),
  ip,
  ipSource: text,
  method: text,
  path: text,
  route: maybe,
  status: fc.integer({ min: 0, max: 999 }),
  outcome: fc.constantFrom('served', 'blocked'),
  durationUs: count,
  country: maybe,
  city: maybe,
  userAgent: maybe,
  userId: maybe,
  sensitive: fc.boolean(),
  ruleId: fc.option(count, { nil: null }),
  reason: fc.constantFrom('rule', 'mode', 'country', 'decorator', null),
  repeats: fc.oneof(fc.constant(0), fc.nat(1_000_000)),
  signals: fc.option(fc.nat(), { nil: null }),
  attemptedUser: maybe,
  extra: fc.option(fc.dictionary(text, text), { nil: null }),
});

describe('LineWriter', () => {
  it('writes what the plain and slow way writes', () => {
    fc.assert(
      fc.property(fc.array(records, { maxLength: 40 }), (given) => {
        expect([...linesOf(given)]).toEqual(given.map(lineOf).map((line) => line.toWellFormed()));
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps apart what is taken at different times, in whatever memory it is', () => {
    fc.assert(
      fc.property(fc.array(fc.array(records, { maxLength: 8 }), { maxLength: 12 }), (batches) => {
        const writer = new LineWriter();
        const taken = batches.map((batch) => {
          for (const record of batch) writer.add(record);
          expect(writer.length).toBe(batch.length);
          return writer.take();
        });
        expect(writer.length).toBe(0);
        expect(taken.map((views) => views.flatMap((view) => [...view]))).toEqual(
          batches.map((batch) => batch.map(lineOf).map((line) => line.toWellFormed())),
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['longer than its memory', '/'.repeat(200_000)],
    ['that takes four bytes for each of its units', '\u001e'.repeat(40_000)],
  ])('writes a path %s, among short ones', (_, path) => {
    const given = [1, 2, 3].map((id) => ({ ...plainRecord(id), ...(id === 2 ? { path } : {}) }));
    expect(Array.from(linesOf(given), recordOf)).toEqual(
      given.map((record) => ({ ...record, ip: null })),
    );
  });

  it('leaves nothing behind of a record that is none', () => {
    const writer = new LineWriter();
    const [first, second] = [plainRecord(1), plainRecord(2)];
    writer.add(first);
    expect(() => writer.add({ ...first, timestampMs: Number.NaN })).toThrow(RangeError);
    writer.add(second);
    expect(writer.length).toBe(2);
    expect(writer.take().flatMap((view) => [...view])).toEqual([lineOf(first), lineOf(second)]);
  });
});
