import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordId } from './record-id.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('recordId', () => {
  it('gives the moment of the example in RFC 9562, appendix A.6', () => {
    expect(recordId(0x017f22e279b0)).toMatch(/^017f22e2-79b0-7/);
  });

  it('is a UUID of version 7 that begins with its milliseconds', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 48 - 1), (timestampMs) => {
        const id = recordId(timestampMs);
        expect(id).toMatch(UUID_V7);
        expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(timestampMs);
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes a fraction of a millisecond down', () => {
    expect(recordId(1_700_000_000_000.9).slice(0, 13)).toBe(
      recordId(1_700_000_000_000).slice(0, 13),
    );
  });

  it('is given once, over many pools of random bytes', () => {
    const ids = new Set(Array.from({ length: 50_000 }, () => recordId(1_700_000_000_000)));
    expect(ids.size).toBe(50_000);
  });

  it('sorts as text by time', () => {
    const times = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 1_700_000_000_000, 2 ** 48 - 1];
    const ids = times.map(recordId);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('sorts what was made in one millisecond in the order of its making', () => {
    for (let ms = 1; ms <= 200; ms += 1) {
      const ids = Array.from({ length: 500 }, () => recordId(ms));
      expect(ids.toSorted()).toEqual(ids);
    }
  });

  it('varies its 62 random bits and the start of its counter, and no other', () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => {
      recordId(i % 2 === 0 ? 1 : 2);
      return BigInt(`0x${recordId(0).replaceAll('-', '')}`);
    });
    const varied = Array.from({ length: 128 }, (_, i) => BigInt(i)).filter((bit) => {
      const ones = ids.filter((id) => ((id >> bit) & 1n) === 1n).length;
      return ones > 800 && ones < 1_200;
    });
    const isRandom = (bit: bigint) => bit < 62n || (bit >= 64n && bit < 75n);
    expect(varied).toHaveLength(73);
    expect(varied.every(isRandom)).toBe(true);
  });
});
