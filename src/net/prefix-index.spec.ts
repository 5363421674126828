import { describe, expect, it } from 'vitest';
import { IpAddress } from './ip-address.js';
import { PrefixSet, PrefixSetBuilder } from './prefix-set.js';
import { Prefix } from './prefix.js';

type Words = readonly [number, number, number, number];

interface Entry {
  readonly family: 4 | 6;
  readonly words: Words;
  readonly length: number;
}

/** The same numbers each time, without a limit of time: what is wrong in one corner of the index is always seen. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state ^ (state >>> 15)) >>> 0;
  };
}

/** How the words of the n-th of so many addresses are drawn. */
const SHAPES: Record<string, (n: number, draw: () => number) => Words> = {
  'spread over everything': (_, draw) => [draw(), draw(), draw(), draw()],
  'crowded in the first word': (_, draw) => [0x2001_0000 | (draw() & 0xff), draw(), 0, draw()],
  'crowded in the second word': (_, draw) => [0x2001_0db8, 0x4000_0000 | (draw() & 0x3ff), 0, 1],
  'crowded in the third word': (_, draw) => [0x2001_0db8, 7, draw() & 0xfff, draw()],
  'crowded in the last word': (_, draw) => [0x2001_0db8, 7, 9, 0x8000_0000 | (draw() & 0x1ff)],
  'crowded over the border of two words': (_, draw) => [
    0x2001_0d00 | (draw() & 3),
    (draw() & 7) << 29,
    draw() & 1,
    (draw() & 3) << 30,
  ],
  'nearly all at one place': (n, draw) =>
    n % 10 === 0 ? [draw(), draw(), draw(), draw()] : [0xfe80_0000, 0, 0, draw() & 0xff],
  'in a row': (n) => [n * 3, 0, 0, n * 3],
  'at both ends': (n) => (n % 2 === 0 ? [0, 0, 0, n] : [0xffff_ffff, ~0, ~0, ~n]),
  'at few addresses, of many lengths': (n) => [0x0a00_0000 | (n % 5), n % 3, 0, n % 7],
};

function entriesOf(shape: string, family: 4 | 6, count: number): Entry[] {
  const draw = draws(shape.length * 7 + family);
  const longest = family === 4 ? 32 : 128;
  return Array.from({ length: count }, (_, n) => ({
    family,
    words: SHAPES[shape]!(n, draw),
    // Hosts and networks of all lengths, those at the borders of words more often.
    length:
      n % 3 === 0
        ? longest
        : n % 3 === 1
          ? [8, 31, 32, 33, 48, 64, 65, 96, 97][draw() % 9]! % (longest + 1)
          : draw() % (longest + 1),
  }));
}

function bitsOf({ w0, w1, w2, w3 }: { w0: number; w1: number; w2: number; w3: number }): bigint {
  return [w0, w1, w2, w3].reduce((bits, word) => (bits << 32n) | BigInt(word >>> 0), 0n);
}

function prefixOf({ family, words: [w0, w1, w2, w3], length }: Entry): Prefix {
  return family === 4 ? Prefix.fromV4(w0, length) : Prefix.fromV6(w0, w1, w2, w3, length);
}

function addressOf(family: 4 | 6, bits: bigint): IpAddress {
  const word = (n: bigint) => Number((bits >> (96n - n * 32n)) & 0xffff_ffffn);
  return family === 4
    ? IpAddress.fromV4(word(0n))
    : IpAddress.fromV6(word(0n), word(1n), word(2n), word(3n));
}

/** The addresses at which something may begin or end, and those beside them. */
function* probes(prefixes: readonly Prefix[], family: 4 | 6): Generator<IpAddress> {
  const unit = family === 4 ? 1n << 96n : 1n;
  const all = (1n << 128n) - 1n;
  for (const prefix of prefixes) {
    const first = bitsOf(prefix);
    const last = first + (1n << BigInt(128 - prefix.length)) - unit;
    for (const bits of [first - unit, first, first + unit, last - unit, last, last + unit]) {
      if (bits >= 0n && bits <= all) yield addressOf(family, bits);
    }
  }
}

/** By looking at every prefix: the values of those that contain an address, the longest first. */
function expectedOf(prefixes: readonly Prefix[], ip: IpAddress): number[] {
  const bits = bitsOf(ip);
  const found = new Map<number, number>();
  for (const [value, prefix] of prefixes.entries()) {
    if (prefix.family !== ip.family) continue;
    const host = BigInt(128 - prefix.length);
    if (bits >> host === bitsOf(prefix) >> host) found.set(prefix.length, value);
  }
  return [...found].sort(([one], [other]) => other - one).map(([, value]) => value);
}

describe.each([4, 6] as const)('an index of IPv%i prefixes', (family) => {
  it.each(Object.keys(SHAPES))('finds all that contain an address: %s', (shape) => {
    for (const count of [1, 12, 13, 180]) {
      const prefixes = entriesOf(shape, family, count).map(prefixOf);
      const set = PrefixSet.from(prefixes.map((prefix, value) => [prefix, value] as const));
      const wrong = [...probes(prefixes, family)].flatMap((ip) => {
        const expected = expectedOf(prefixes, ip);
        const found = set.matchAll(ip);
        const isRight = found.join() === expected.join() && set.match(ip) === expected[0];
        return isRight ? [] : [{ ip: ip.toString(), found, expected }];
      });
      expect(wrong).toEqual([]);
      expect(set.size).toBe(new Set(prefixes.map(String)).size);
    }
  });

  it('finds one among thousands, after its tables have grown', () => {
    const builder = new PrefixSetBuilder<number>();
    const words = (n: number): Words => [n * 65_537, n, n * 7, n * 13];
    for (let n = 0; n < 3_000; n += 1) {
      const [w0, w1, w2, w3] = words(n);
      if (family === 4) builder.addV4(w0, 32, n);
      else builder.addV6(w0, w1, w2, w3, 128, n);
    }
    const set = builder.build();
    for (let n = 0; n < 3_000; n += 1) {
      const [w0, w1, w2, w3] = words(n);
      const beside =
        family === 4 ? IpAddress.fromV4(w0 + 1) : IpAddress.fromV6(w0, w1, w2, w3 ^ 0x8000_0000);
      const ip = family === 4 ? IpAddress.fromV4(w0) : IpAddress.fromV6(w0, w1, w2, w3);
      expect(set.match(ip)).toBe(n);
      expect(set.match(beside)).toBeUndefined();
    }
  });
});
