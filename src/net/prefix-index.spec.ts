import { describe, expect, it } from 'vitest';
import { IpAddress } from './ip-address.js';
import { PrefixEntries } from './prefix-entries.js';
import { PrefixIndex } from './prefix-index.js';
import { PrefixRows } from './prefix-rows.js';
import { PrefixSet, PrefixSetBuilder } from './prefix-set.js';
import { Prefix } from './prefix.js';
import { runWhole } from './time-slice.js';

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

type Row = readonly [bits: bigint, length: number];

const MAX_V4 = (1n << 32n) - 1n;

/** Entries as an index wants them: of 32 or 128 bits, in order. */
function entriesOfRows(family: 4 | 6, list: readonly Row[]): PrefixEntries {
  const rows = new PrefixRows(family === 4 ? 1 : 4);
  const entries = new PrefixEntries(rows.keyWords, list.length);
  for (const [at, [bits, length]] of list.entries()) {
    if (family === 4) rows.addV4(Number(bits), length, 0);
    else rows.addV6(...wordsOf(bits), length, 0);
    entries.copy(at, rows, at);
    entries.link(at, -1, length);
  }
  return entries;
}

function wordsOf(bits: bigint): [number, number, number, number] {
  const { w0, w1, w2, w3 } = addressOf(6, bits);
  return [w0, w1, w2, w3];
}

const hosts = (family: 4 | 6, addresses: readonly bigint[]): Row[] =>
  addresses.map((bits) => [bits, family === 4 ? 32 : 128]);

const row = (from: number, step: number, count: number): bigint[] =>
  Array.from({ length: count }, (_, n) => BigInt(from) + BigInt(n) * BigInt(step));

/** Addresses of 32 bits, in order. */
const LAYOUTS: Record<string, bigint[]> = {
  'in one block': row(0x0a00_0003, 3, 40),
  'crowded where the first begin': [...row(0x10, 1, 16), ...row(0x2000_0000, 0x500_0000, 40)],
  'crowded in the middle': [
    ...row(0x100, 0x300_0000, 20),
    ...row(0x7000_0010, 1, 30),
    ...row(0x8000_0000, 0x300_0000, 20),
  ],
  'crowded where the last end': [...row(1, 0x500_0000, 40), ...row(0xffff_fff0, 1, 15)],
  'crowds within crowds': [
    ...row(0, 0x500_0000, 16),
    ...row(0x6000_0000, 0x1_0000, 40),
    ...row(0x6030_0000, 1, 20),
    ...row(0x6030_ff00, 3, 60),
    ...row(0x7000_0000, 0x500_0000, 16),
  ],
  'all over, in a large table': row(0x5_0000, 0x6d_0000, 600),
  'many at one address': [
    ...row(5, 0x500_0000, 20),
    ...Array.from({ length: 20 }, () => 0x7000_0000n),
    ...row(0x8000_0000, 0x500_0000, 20),
  ],
};

describe('an index of entries in order', () => {
  const lastAtOrBefore = (index: PrefixIndex, family: 4 | 6, bits: bigint): number =>
    family === 4 ? index.lastAtOrBeforeV4(Number(bits)) : index.lastAtOrBeforeV6(...wordsOf(bits));

  /** At each address, beside it and at both ends: where the index finds another entry than a look at all. */
  function wrong(family: 4 | 6, addresses: readonly bigint[]): unknown[] {
    const max = family === 4 ? MAX_V4 : (1n << 128n) - 1n;
    const index = runWhole(PrefixIndex.build(entriesOfRows(family, hosts(family, addresses))));
    const near = [0n, ...addresses.flatMap((bits) => [bits - 1n, bits, bits + 1n]), max];
    return near.flatMap((bits) => {
      if (bits < 0n || bits > max) return [];
      const found = lastAtOrBefore(index, family, bits);
      const expected = addresses.findLastIndex((other) => other <= bits);
      return found === expected ? [] : [{ bits, found, expected }];
    });
  }

  it.each(Object.keys(LAYOUTS))('finds the last that is not after an IPv4 address: %s', (name) => {
    expect(wrong(4, LAYOUTS[name]!)).toEqual([]);
  });

  describe.each([96, 90, 64, 58, 32, 26, 0])('of IPv6, from bit %i', (shift) => {
    // What is above and below is the same for all.
    const above = shift === 96 ? 0n : (0x2001_0db8_1234_5678_9abc_def0_1357_9bdfn >> 96n) << 96n;
    it.each(Object.keys(LAYOUTS))('finds the last that is not after an address: %s', (name) => {
      const addresses = LAYOUTS[name]!.map((bits) => (above + (bits << BigInt(shift))) | 1n);
      expect(
        wrong(6, shift === 0 ? LAYOUTS[name]!.map((bits) => above + bits) : addresses),
      ).toEqual([]);
    });
  });

  it('looks at the second half of an IPv6 entry where its prefix is longer', () => {
    const network = 0x2001_0db8_0000_0000n << 64n;
    const entries = entriesOfRows(6, [
      [network, 64],
      [network + 5n, 128],
    ]);
    const index = runWhole(PrefixIndex.build(entries));
    const found = [-1n, 0n, 4n, 5n, 6n].map((n) => lastAtOrBefore(index, 6, network + n));
    expect(found).toEqual([-1, 0, 0, 1, 1]);
  });

  it.each([
    ['2001:db8::/48', 48, 0n, 64],
    ['2001:db8::/64', 64, 1n, 64],
    ['2001:db8::/65', 65, 1n, 127],
    ['2001:db8::/64, one network beside', 64, 1n << 64n, 63],
    ['2001:db8::/64, half of everything away', 64, 1n << 127n, 0],
    ['2001:db8::/128', 128, 0n, 128],
  ])('says how many bits match: %s', (_what, length, difference, expected) => {
    const bits = 0x2001_0db8_0000_0000n << 64n;
    const index = runWhole(PrefixIndex.build(entriesOfRows(6, [[bits, length]])));
    expect(index.matchingBits(0, ...wordsOf(bits ^ difference))).toBe(expected);
  });
});

describe('the tables of an index', () => {
  /** One pause a table, and one for every 8192 entries or slots. */
  const pausesFor = (family: 4 | 6, addresses: readonly bigint[]): number =>
    [...PrefixIndex.build(entriesOfRows(family, hosts(family, addresses)))].length;
  const spread = row(0, 0x500_0000, 40);

  it.each([
    ['twelve need none', row(1, 1, 12), 0],
    ['thirteen have one', row(1, 1, 13), 2],
    ['twelve in a slot are left there', [...spread, ...row(0xf000_0000, 1, 12)], 2],
    ['thirteen in a slot have their own', [...spread, ...row(0xf000_0000, 1, 13)], 3],
    ['one address has none', [...spread, ...Array.from({ length: 25 }, () => 0xf000_0000n)], 2],
    ['a large one pauses as it is filled', row(0, 0x1_0000, 0x1_0000), 8 + 2],
    [
      'a small crowd far on has a small one, and another below',
      [...row(0, 0x32_0000, 1000), ...row(0xf000_0000, 1, 13), ...row(0xf000_0040, 0x40, 3)],
      1 + 3,
    ],
    // Of 64 slots instead of 512 each holds too many, and has a table.
    [
      'half in one place make it small',
      [
        ...row(0, 0x40_0000, 512),
        ...row(0x8000_0000, 1, 1024),
        ...row(0x8040_0000, 0x3f_0000, 512),
      ],
      67,
    ],
    [
      'half in one slot make it small',
      [
        ...row(0, 0x40_0000, 512),
        ...row(0x8000_0000, 0x2000, 1024),
        ...row(0x8080_0000, 0x3f_0000, 512),
      ],
      98,
    ],
    [
      'half in two slots do not',
      [
        ...row(0, 0x40_0000, 512),
        ...row(0x8000_0000, 0x4000, 1024),
        ...row(0x8100_0000, 0x3e_0000, 512),
      ],
      4,
    ],
  ])('%s', (_what, addresses, pauses) => {
    expect(pausesFor(4, addresses)).toBe(pauses);
  });
});
