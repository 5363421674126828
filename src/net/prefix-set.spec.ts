import * as fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { twinContains, twinParse, twinPrefix } from '../../bench/address-twin.js';
import { parseIp } from './ip-address.js';
import { PrefixSet, PrefixSetBuilder } from './prefix-set.js';
import { parsePrefix } from './prefix.js';

const ip = (text: string) => parseIp(text)!;

/** Every match by looking at every prefix, the longest first; of equal prefixes only the last counts. */
function twinMatches(entries: readonly (readonly [string, number])[], address: string): number[] {
  const last = new Map<string, { length: number; value: number; contains: boolean }>();
  for (const [text, value] of entries) {
    const prefix = twinPrefix(text)!;
    const contains = twinContains(prefix, twinParse(address)!);
    last.set(`${prefix.family} ${prefix.value} ${prefix.length}`, {
      length: prefix.length,
      value,
      contains,
    });
  }
  return [...last.values()]
    .filter(({ contains }) => contains)
    .sort((a, b) => b.length - a.length)
    .map(({ value }) => value);
}

describe('PrefixSet', () => {
  const set = PrefixSet.from([
    ['10.0.0.0/8', 'ten'],
    ['10.1.0.0/16', 'ten-one'],
    ['10.1.2.3', 'host'],
    ['0.0.0.0/0', 'all IPv4'],
    ['2001:db8::/32', 'documentation'],
    ['2001:db8:1::/48', 'site'],
    [parsePrefix('2001:db8:1::/64')!, 'network'],
  ]);

  it.each([
    ['10.1.2.3', ['host', 'ten-one', 'ten', 'all IPv4']],
    ['10.1.2.4', ['ten-one', 'ten', 'all IPv4']],
    ['10.1.255.255', ['ten-one', 'ten', 'all IPv4']],
    ['10.2.0.0', ['ten', 'all IPv4']],
    ['::ffff:10.2.0.0', ['ten', 'all IPv4']],
    ['9.255.255.255', ['all IPv4']],
    ['11.0.0.0', ['all IPv4']],
    ['255.255.255.255', ['all IPv4']],
    ['2001:db8:1::1', ['network', 'site', 'documentation']],
    ['2001:db8:1:1::', ['site', 'documentation']],
    ['2001:db8:ffff::', ['documentation']],
    ['2001:db7:ffff::', []],
    ['2001:db9::', []],
    ['::', []],
    ['ffff::', []],
  ])('%s lies in %j', (address, expected) => {
    expect(set.matchAll(ip(address))).toEqual(expected);
    expect(set.match(ip(address))).toBe(expected[0]);
    expect(set.has(ip(address))).toBe(expected.length > 0);
  });

  it('never lets one family match the other', () => {
    const v6 = PrefixSet.from([['::/0', 6]]);
    expect(v6.match(ip('1.2.3.4'))).toBeUndefined();
    expect(v6.match(ip('::ffff:1.2.3.4'))).toBeUndefined();
    expect(v6.match(ip('::fffe:1.2.3.4'))).toBe(6);
    const v4 = PrefixSet.from([['0.0.0.0/0', 4]]);
    expect(v4.match(ip('::1'))).toBeUndefined();
    expect(v4.match(ip('::ffff:1.2.3.4'))).toBe(4);
  });

  it('takes a mapped prefix as IPv4, and a shorter one as none', () => {
    const mapped = PrefixSet.from([
      ['::ffff:10.0.0.0/104', 'ten'],
      ['::ffff:0:0/95', 'half'],
    ]);
    expect(mapped.match(ip('10.1.2.3'))).toBe('ten');
    expect(mapped.match(ip('11.1.2.3'))).toBeUndefined();
  });

  it('walks outwards and stops where it is told', () => {
    const seen: [string, number][] = [];
    set.walk(ip('10.1.2.3'), (value, length) => {
      seen.push([value, length]);
      return length !== 16;
    });
    expect(seen).toEqual([
      ['host', 32],
      ['ten-one', 16],
    ]);
  });

  it('finds the longest match that is accepted, past one that is not', () => {
    const expiry = PrefixSet.from([
      ['10.0.0.0/8', 300],
      ['10.1.0.0/16', 100],
      ['10.1.2.3/32', 200],
    ]);
    const at = (now: number) => expiry.matchWhere(ip('10.1.2.3'), (expiresAt) => expiresAt > now);
    expect([at(50), at(250), at(350)]).toEqual([200, 300, undefined]);
    expect(set.matchWhere(ip('2001:db8:1::1'), (value) => value !== 'network')).toBe('site');
  });

  it('takes prefixes and texts alike', () => {
    const mixed = PrefixSet.from([
      [parsePrefix('10.0.0.0/8')!, 1],
      ['11.0.0.0/8', 2],
      [parsePrefix('2001:db8::/32')!, 3],
    ]);
    expect(['10.1.2.3', '11.1.2.3', '2001:db8::1'].map((text) => mixed.match(ip(text)))).toEqual([
      1, 2, 3,
    ]);
  });

  it('keeps the last of repeated prefixes, however they are written', () => {
    const repeated = PrefixSet.from([
      ['10.1.2.3/8', 1],
      ['2001:db8::/32', 2],
      ['::ffff:10.9.9.9/104', 3],
      ['2001:DB8::1/32', 4],
    ]);
    expect(repeated.size).toBe(2);
    expect(repeated.match(ip('10.0.0.1'))).toBe(3);
    expect(repeated.matchAll(ip('2001:db8::1'))).toEqual([4]);
  });

  it('is empty when nothing was put in', () => {
    for (const empty of [PrefixSet.empty<string>(), PrefixSet.from<string>([])]) {
      expect(empty.size).toBe(0);
      expect(empty.match(ip('10.1.2.3'))).toBeUndefined();
      expect(empty.matchAll(ip('::1'))).toEqual([]);
    }
  });

  it.each([
    ['small integers', [1, -1, 0, 2147483647, -2147483648]],
    ['large integers', [1, 2147483648, 4294967295]],
    ['fractions and oddities', [1, 1.5, NaN, -0, Infinity]],
    ['mixed', [1, 'two', { three: 3 }, null, undefined, 6]],
    ['large integers of their own type, and symbols', [1n, 2n, Symbol.iterator]],
  ])('gives values back as they were: %s', (_kind, values) => {
    const entries = values.map((value, i) => [`10.0.${i}.0/24`, value] as const);
    const mixed = PrefixSet.from<unknown>([...entries, ['2001:db8::/32', 7]]);
    values.forEach((value, i) => expect(mixed.match(ip(`10.0.${i}.1`))).toBe(value));
    expect(mixed.match(ip('2001:db8::1'))).toBe(7);
  });

  it('names the text that is no prefix', () => {
    expect(() => PrefixSet.from([['10.0.0.0/33', 1]])).toThrow(
      expect.objectContaining({
        code: 'IPT_INVALID_PREFIX',
        message: expect.stringContaining('"10.0.0.0/33"'),
      }),
    );
  });

  it('leaves a bad row out and keeps the rest when it may report it', async () => {
    const entries = [
      ['10.0.0.0/8', 1],
      ['10.0.0.0/01', 2],
      [null as unknown as string, 3],
      ['11.0.0.0/8', 4],
    ] as const;
    const bad: unknown[] = [];
    const onInvalid = (text: string, value: number) => bad.push([text, value]);
    const sync = PrefixSet.from(entries, { onInvalid });
    const async = await PrefixSet.fromAsync(entries, { onInvalid });
    expect([sync.size, async.size]).toEqual([2, 2]);
    expect(bad.slice(0, 2)).toEqual([
      ['10.0.0.0/01', 2],
      [null, 3],
    ]);
  });

  it('agrees with looking at every prefix, for networks that nest, touch and crowd', () => {
    // Few different words, so that prefixes meet; all lengths, so that chains nest deeply.
    const word = fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xc0a80101, 0xffffffff, 0x20010db8);
    const v4 = word.map((w) => [w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255].join('.'));
    const v6 = fc
      .tuple(word, word, word, word)
      .map((words) =>
        words.map((w) => `${(w >>> 16).toString(16)}:${(w & 0xffff).toString(16)}`).join(':'),
      );
    const prefix = fc.oneof(
      fc.tuple(fc.oneof(v4, fc.ipV4()), fc.nat(32)),
      fc.tuple(fc.oneof(v6, fc.ipV6()), fc.nat(128)),
    );
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 120 }),
        fc.array(fc.oneof(v4, v6, fc.ipV4(), fc.ipV6()), { minLength: 5, maxLength: 20 }),
        (prefixes, addresses) => {
          const entries = prefixes.map(([text, length], i) => [`${text}/${length}`, i] as const);
          const fast = PrefixSet.from(entries);
          const own = prefixes.map(([text]) => text);
          for (const address of [...addresses, ...own.slice(0, 20)]) {
            const expected = twinMatches(entries, address);
            expect(fast.matchAll(ip(address))).toEqual(expected);
            expect(fast.match(ip(address))).toBe(expected[0]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('agrees with itself, entry by entry, at a hundred thousand crowded prefixes', () => {
    const builder = new PrefixSetBuilder<number>();
    let state = inject('propertySeed');
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
    const rows: [number, number, number, number, number][] = [];
    for (let i = 0; i < 50_000; i++) {
      // Three quarters in one /32, of which a third differ in the last bits only.
      const crowd = random() % 4;
      const row: (typeof rows)[number] = [
        crowd === 0 ? random() : 0x20010db8,
        crowd === 1 ? 0 : random(),
        crowd === 1 ? 0 : random(),
        random() >>> 12,
        128,
      ];
      rows.push(row);
      builder.addV6(...row, i);
      builder.addV4(row[3] | 0x0a000000, 32, i);
    }
    const crowded = builder.build();
    const lastOf = new Map(rows.map((row, i) => [row.join(), i]));
    for (const row of rows) {
      const text = row
        .slice(0, 4)
        .map((w) => `${(w >>> 16).toString(16)}:${(w & 0xffff).toString(16)}`)
        .join(':');
      expect(crowded.match(ip(text))).toBe(lastOf.get(row.join()));
    }
    expect(crowded.match(ip('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'))).toBeUndefined();
  });

  it('holds a chain of all lengths around one address', () => {
    const entries = Array.from(
      { length: 129 },
      (_, length) => [`2001:db8::1/${length}`, length] as const,
    );
    const chain = PrefixSet.from(entries);
    expect(chain.matchAll(ip('2001:db8::1'))).toEqual(
      Array.from({ length: 129 }, (_, i) => 128 - i),
    );
    expect(chain.match(ip('2001:db8::'))).toBe(127);
    expect(chain.match(ip('8000::'))).toBe(0);
  });
});

describe('PrefixSetBuilder', () => {
  it('takes integers, signed or not, and masks them', () => {
    const builder = new PrefixSetBuilder<number>();
    builder.addV4(0xc0a80101, 16, 1);
    builder.addV4(0xc0a90101 | 0, 16, 2);
    builder.addV6(0x20010db8, 0xffffffff, 0, 1, 32, 3);
    builder.addV6(0, 0, 0xffff, 0x0a010203, 104, 4);
    builder.add(parsePrefix('fe80::/10')!, 5);
    expect(builder.size).toBe(5);
    const set = builder.build();
    expect(
      ['192.168.9.9', '192.169.0.0', '2001:db8::', '10.9.9.9', 'fe80::1'].map((text) =>
        set.match(ip(text)),
      ),
    ).toEqual([1, 2, 3, 4, 5]);
  });

  it('takes mapped words for IPv4 from a length of 96 on', () => {
    const builder = new PrefixSetBuilder<number>();
    builder.addV6(0, 0, 0xffff, 0x0a010203, 96, 1);
    builder.addV6(0, 0, 0xffff, 0x0a010203, 95, 2);
    const set = builder.build();
    expect(['11.1.2.3', '::fffe:1:2', '::1'].map((text) => set.matchAll(ip(text)))).toEqual([
      [1],
      [2],
      [],
    ]);
  });

  it.each([-1, 33, 1.5, NaN])('refuses an IPv4 length of %s', (length) => {
    expect(() => new PrefixSetBuilder().addV4(0, length, 1)).toThrow(
      expect.objectContaining({ code: 'IPT_INVALID_PREFIX' }),
    );
  });

  it.each([-1, 129, 1.5, NaN])('refuses an IPv6 length of %s', (length) => {
    expect(() => new PrefixSetBuilder().addV6(0, 0, 0, 0, length, 1)).toThrow(
      expect.objectContaining({ code: 'IPT_INVALID_PREFIX' }),
    );
  });
});

describe('PrefixSet.fromAsync', () => {
  const entries = Array.from(
    { length: 20_000 },
    (_, i) => [`10.${i >> 8}.${i & 255}.0/24`, i] as const,
  );

  it('builds the same set from a list and from a stream', async () => {
    async function* stream() {
      yield* entries;
    }
    for (const source of [entries, stream()]) {
      const set = await PrefixSet.fromAsync(source);
      expect(set.size).toBe(20_000);
      expect(set.match(ip('10.3.4.5'))).toBe(3 * 256 + 4);
    }
  });

  it('lets the event loop turn, while sorting too', async () => {
    let pauses = 0;
    const pause = () => {
      pauses++;
      return Promise.resolve();
    };
    await PrefixSet.fromAsync(entries, { sliceMs: 0, pause });
    const whileReading = Math.floor(entries.length / 256);
    expect(pauses).toBeGreaterThan(whileReading + 5);
  });

  it.each(['a list', 'a stream'])(
    'looks at the time after each 256 entries of %s',
    async (kind) => {
      let read = 0;
      const pausedAt: number[] = [];
      function* some() {
        for (; read < 1_000; read++) yield entries[read]!;
      }
      async function* stream() {
        yield* some();
      }
      const pause = async () => {
        if (read < 1_000) pausedAt.push(read + 1);
      };
      const source = kind === 'a list' ? some() : stream();
      await PrefixSet.fromAsync(source, { sliceMs: 0, pause });
      expect(pausedAt).toEqual([256, 512, 768]);
    },
  );

  it('stops when it is aborted, before and during', async () => {
    const reason = new Error('shutting down');
    await expect(PrefixSet.fromAsync(entries, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    let pauses = 0;
    const pause = () => {
      if (++pauses === 100) controller.abort(reason);
      return Promise.resolve();
    };
    const build = PrefixSet.fromAsync(entries, { signal: controller.signal, sliceMs: 0, pause });
    await expect(build).rejects.toBe(reason);
    expect(pauses).toBe(100);
  });

  it('rejects for a text that is no prefix', async () => {
    await expect(PrefixSet.fromAsync([['nonsense', 1]])).rejects.toMatchObject({
      code: 'IPT_INVALID_PREFIX',
    });
  });
});
