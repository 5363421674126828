import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processorMs } from '../../test/support/processor-time.js';
import {
  ForwardedEntries,
  type ListHeader,
  readNode,
  readSingleAddress,
} from './forwarded-header.js';

/*
 * Notations of an entry, and what each is here:
 *
 *   192.0.2.60                          address
 *   192.0.2.60:4833                     address, port dropped
 *   2001:db8::200e                      address
 *   [2001:db8::200e]                    address
 *   [2001:db8::200e]:4711               address, port dropped
 *   2001:db8::200e:4711                 address: nothing says that 4711 is a port
 *   ::ffff:192.0.2.60, ::ffff:c000:23c  the IPv4 address, also in brackets
 *   fe80::abcd%zone                     nobody
 *   unknown, _hidden, unix:, "", -      nobody
 *   0.0.0.0, ::                         nobody
 *   "192.0.2.60"                        in Forwarded the address, in X-Forwarded-For nobody
 */

/** All entries from the right; `null` where one names nobody. */
function entries(value: unknown, header: ListHeader = 'x-forwarded-for'): (string | null)[] {
  const reader = new ForwardedEntries(value, header);
  const list: (string | null)[] = [];
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    list.push(entry?.toString() ?? null);
  }
  return list;
}

const nodes: [text: string, expected: string | null][] = [
  ['192.0.2.60', '192.0.2.60'],
  ['192.0.2.60:4833', '192.0.2.60'],
  ['192.0.2.60:0', '192.0.2.60'],
  ['192.0.2.60:65535', '192.0.2.60'],
  ['192.0.2.60:_port', '192.0.2.60'],
  ['  192.0.2.60\t', '192.0.2.60'],
  ['2001:db8::200e', '2001:db8::200e'],
  ['2001:db8::200e:4711', '2001:db8::200e:4711'],
  ['[2001:db8::200e]', '2001:db8::200e'],
  ['[2001:db8::200e]:4711', '2001:db8::200e'],
  ['::ffff:188.0.2.128', '188.0.2.128'],
  ['[::ffff:188.0.2.128]:48483', '188.0.2.128'],
  ['::ffff:bc15:0006', '188.21.0.6'],
  ['64:ff9b::188.0.2.128', '64:ff9b::bc00:280'],
  ['192.0.2.60:', null],
  ['192.0.2.60:65536', null],
  ['192.0.2.60:-1', null],
  ['192.0.2.60:+80', null],
  ['192.0.2.60:80:80', null],
  ['192.0.2.60:http', null],
  ['192.0.2.60:_', null],
  ['192.0.2.60:_po rt', null],
  ['192.0.2.60:000080', null],
  ['192.0.2.60 192.0.2.61', null],
  ['192.0.2.060', null],
  ['0x7f.0.0.1', null],
  ['127.1', null],
  ['1.2.2.355', null],
  ['[192.0.2.60]', null],
  ['[192.0.2.60]:80', null],
  ['[2001:db8::200e', null],
  ['2001:db8::200e]', null],
  ['[2001:db8::200e]4711', null],
  ['[2001:db8::200e]:', null],
  ['[]', null],
  ['[', null],
  ['fe80::abcd%zone', null],
  ['[fe80::abcd%zone]:4711', null],
  ['unknown', null],
  ['_hidden', null],
  ['unix:', null],
  ['localhost', null],
  ['-', null],
  [':80', null],
  ['0.0.0.0', null],
  ['::', null],
  ['::ffff:0.0.0.0', null],
  ['192.0.2.60\0', null],
  ['192.0.2.60\u00a0', null],
  ['%31.2.3.4', null],
];

describe('X-Forwarded-For', () => {
  it.each(nodes)('an entry %j names %s', (text, expected) => {
    expect(entries(text)).toEqual([expected]);
    expect(entries(`1.1.1.1,${text}`)[0]).toBe(expected);
  });

  it.each([
    ['from the right', '1.1.1.1, 2.2.2.2,3.3.3.3', ['3.3.3.3', '2.2.2.2', '1.1.1.1']],
    [
      'without a space or with many',
      '1.1.1.1,2.2.2.2 ,  \t 3.3.3.3',
      ['3.3.3.3', '2.2.2.2', '1.1.1.1'],
    ],
    ['empty entries, which are none', ',1.1.1.1,,', ['1.1.1.1']],
    [
      'several header lines, the last first',
      ['1.1.1.1, 2.2.2.2', '3.3.3.3'],
      ['3.3.3.3', '2.2.2.2', '1.1.1.1'],
    ],
    ['quotes mean nothing', '"1.1.1.1", "2.2.2.2', [null, null]],
    ['no header', undefined, []],
    ['null', null, []],
    ['no lines', [], []],
    ['not a text', 4, [null]],
    ['a line that is no text', ['1.1.1.1', 4, {}], [null, null, '1.1.1.1']],
  ])('%s', (_what, value, expected) => {
    expect(entries(value)).toEqual(expected);
  });

  it('reads what a proxy appended to 64 KB of anything', () => {
    for (const junk of ['x', ',', '"', ' ', '1.1.1.1,', '[', '\\', '"\\', ':', ', "']) {
      const forged = junk.repeat(65_536 / junk.length);
      const costMs = processorMs(() => {
        for (let i = 0; i < 200; i++) {
          const reader = new ForwardedEntries(`${forged}, 192.0.2.1`, 'x-forwarded-for');
          expect(reader.next()?.toString()).toBe('192.0.2.1');
          reader.next();
        }
      });
      expect(costMs).toBeLessThan(500);
    }
  });

  it('gives up on an entry that is longer than an address can be', () => {
    expect(entries(`1.1.1.1,${' '.repeat(200)}2.2.2.2`)).toEqual([null]);
    expect(entries(`1.1.1.1,${'x'.repeat(200)},2.2.2.2`)).toEqual(['2.2.2.2', null]);
  });

  it('passes over 32 empty entries, counted across lines, and gives up after them', () => {
    const commas = (count: number) => ','.repeat(count);
    expect(entries(`1.1.1.1${commas(32)}`)).toEqual(['1.1.1.1']);
    expect(entries(`x${commas(33)}`)).toEqual([null]);
    expect(entries(['1.1.1.1', commas(31)])).toEqual(['1.1.1.1']);
    expect(entries(['1.1.1.1', commas(32)])).toEqual([null]);
  });

  it('agrees with splitting', () => {
    const node = fc.constantFrom(
      ...nodes.map(([text]) => text).filter((text) => !text.includes(',')),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(node, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }),
        (lines) => {
          const expected = lines.flat().map((text) => nodes.find(([known]) => known === text)![1]);
          expect(entries(lines.map((line) => line.join(',')))).toEqual(expected.toReversed());
          expect(entries(lines.map((line) => line.join(', ')).join(', '))).toEqual(
            expected.toReversed(),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('Forwarded', () => {
  const first = (text: string) => entries(text, 'forwarded')[0];

  it.each([
    // RFC 7239 sections 4 and 7.
    ['for="_gazonk"', null],
    ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
    ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17'],
    ['for=_hidden, for=_SEVKISEK', null],
    ['for=unknown', null],
    ['for="192.0.2.43:47011"', '192.0.2.43'],
    ['for="[2001:db8::1]:_obfuscated"', '2001:db8::1'],
    // Names in any case, in any place, among others.
    ['FOR=192.0.2.60', '192.0.2.60'],
    ['host=example.com;for=192.0.2.60', '192.0.2.60'],
    ['secret="a,b;for=6.6.6.6";for=192.0.2.60', '192.0.2.60'],
    ['host="a\\"b,c";for=192.0.2.60', '192.0.2.60'],
    ['host="\\\\";for=192.0.2.60', '192.0.2.60'],
    ['abc=6.6.6.6;for=192.0.2.60', '192.0.2.60'],
    ['for="192.0.2\\.60"', '192.0.2.60'],
    [';;for=192.0.2.60;', '192.0.2.60'],
    ['for=192.0.2.60 ; proto=http', '192.0.2.60'],
    // As proxies write it, without the quotes that the RFC asks for.
    ['for=192.0.2.60:80', '192.0.2.60'],
    ['for=[2001:db8::1]', '2001:db8::1'],
    ['for=[2001:db8::1]:4711;proto=https', '2001:db8::1'],
    ['for=2001:db8::1', '2001:db8::1'],
    ['for="2001:db8::1"', '2001:db8::1'],
    ['for="::ffff:bc15:0006"', '188.21.0.6'],
    // Nobody.
    ['for', null],
    ['for=', null],
    ['for=""', null],
    ['=192.0.2.60', null],
    ['192.0.2.60', null],
    ['by=192.0.2.60', null],
    ['xfor=192.0.2.60', null],
    ['fo r=192.0.2.60', null],
    ['for:192.0.2.60', null],
    ['=x;for=192.0.2.60', null],
    ['for=192.0.2.60 proto=http', null],
    [';;host="', null],
    ['for =192.0.2.60', null],
    ['for= 192.0.2.60', null],
    ['for=192.0.2.60;for=192.0.2.61', null],
    ['for=unknown;for=192.0.2.61', null],
    ['for=192.0.2.60;proto', null],
    ['for=192.0.2.60;proto=', null],
    ['for=192.0.2.60;host="x"y', null],
    ['for="192.0.2.60', null],
    ['for=192.0.2.60"', null],
    ['for=192.0.2.60\\', null],
    ['for="[fe80::1%25eth0]"', null],
    ['for=0.0.0.0', null],
    ['for="[192.0.2.60]:80"', null],
    ["for='192.0.2.60'", null],
  ])('%s', (text, expected) => {
    expect(first(text)).toBe(expected);
  });

  it.each([
    ['a quote left open', 'for="'],
    ['a quote left open after a list', 'for=1.1.1.1, for="2.2.2.2'],
    ['an escaped quote at the end', 'for="1.1.1.1\\"'],
    ['a backslash at the end', 'for="1.1.1.1\\'],
    ['an open extension', 'for=1.1.1.1;x="'],
    ['quotes only', '"""'],
    ['a comma', ','],
    ['64 KB of quotes', '"'.repeat(65_535)],
    ['64 KB of backslashes and quotes', '\\"'.repeat(32_768)],
  ])('%s does not swallow what proxies append', (_what, forged) => {
    for (const appended of [
      'for=192.0.2.1',
      'for="[2001:db8::1]:80";proto=https',
      'host="a,b";for="192.0.2.1:80"',
    ]) {
      const address = appended.includes('2001') ? '2001:db8::1' : '192.0.2.1';
      const reader = new ForwardedEntries(`${forged}, ${appended}, for=10.0.0.1`, 'forwarded');
      expect(reader.next()?.toString()).toBe('10.0.0.1');
      expect(reader.next()?.toString()).toBe(address);
      expect(first(`${forged}, ${appended}`)).toBe(address);
    }
  });

  it('never takes an address out of a text that a proxy quoted', () => {
    // What a client can put into Host, and a proxy into host="...", escaped as RFC 9110 section 5.6.4 asks.
    const hostile = fc.string({
      unit: fc.constantFrom(...'",;=\\ ', 'for=6.6.6.6', 'a'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(hostile, hostile, hostile, (left, host, by) => {
        const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
        const element = `by=${quote(by)};for=192.0.2.1;host=${quote(host)}`;
        expect(entries(`${left}, ${element}`, 'forwarded')[0]).toBe('192.0.2.1');
        expect(entries(`${left}, for=${quote(host)}`, 'forwarded')[0]).not.toBe('192.0.2.1');
      }),
      { numRuns: 5_000 },
    );
  });

  it('reads several lines, the last first', () => {
    expect(entries(['for=1.1.1.1, for=2.2.2.2', 'for=3.3.3.3'], 'forwarded')).toEqual([
      '3.3.3.3',
      '2.2.2.2',
      '1.1.1.1',
    ]);
  });

  it('gives up on an element that is too long', () => {
    expect(entries(`for=1.1.1.1, for=2.2.2.2;x=${'x'.repeat(2000)}`, 'forwarded')).toEqual([null]);
    expect(entries(`xfor=1.1.1.1;x=${'x'.repeat(2000)}`, 'forwarded')).toEqual([null]);
  });

  it.each([
    ['an even number escapes no quote', 'for=1.1.1.1, x=\\\\"a"', [null, '1.1.1.1']],
    ['an odd number does', 'for=1.1.1.1, x=\\"a"', [null]],
  ])('backslashes before a quote: %s', (_what, text, expected) => {
    expect(entries(text, 'forwarded')).toEqual(expected);
  });
});

describe('an entry that names nobody on purpose', () => {
  /** Whether each entry, from the right, is such a one. */
  function unnamed(value: unknown, header: ListHeader): boolean[] {
    const reader = new ForwardedEntries(value, header);
    const list = [reader.isUnnamed];
    while (reader.next() !== undefined) list.push(reader.isUnnamed);
    return list.slice(1).concat(list[0]!);
  }

  it.each<[text: string, expected: boolean]>([
    ['unknown', true],
    ['Unknown', true],
    [' unknown\t', true],
    ['unknown:80', true],
    ['unknown:65535', true],
    ['unknown:_port', true],
    ['_hidden', true],
    ['_hidden.by-us:_a.b-c', true],
    [`_${'x'.repeat(64)}`, true],
    ['192.0.2.60', false],
    ['xunknown', false],
    ['unknownx', false],
    ['unknown:', false],
    ['unknown:123456', false],
    ['unknown:http', false],
    ['_', false],
    [`_${'x'.repeat(65)}`, false],
    ['_a b', false],
    ['0.0.0.0', false],
    ['localhost', false],
  ])('%j: %s', (text, expected) => {
    expect(unnamed(text, 'x-forwarded-for')).toEqual([expected, false]);
    expect(unnamed(`for="${text}"`, 'forwarded')).toEqual([expected, false]);
  });

  it.each<[text: string, expected: boolean]>([
    ['by=192.0.2.60', true],
    ['abc=192.0.2.60', true],
    [';', true],
    ['for=_hidden;proto=http', true],
    ['=192.0.2.60', false],
    ['by=', false],
    ['by="', false],
    ['for=unknown;for=unknown', false],
    ['for=_hidden;proto', false],
  ])('in Forwarded %j: %s', (text, expected) => {
    expect(unnamed(text, 'forwarded')).toEqual([expected, false]);
  });

  it.each<[what: string, value: unknown, expected: boolean[]]>([
    ['a line that is no text', [4, 'unknown'], [true, false]],
    ['an entry that is too long', [`${' '.repeat(200)}1.1.1.1,unknown`], [true, false]],
    ['too many empty entries', `1.1.1.1${','.repeat(40)}unknown`, [true, false]],
    ['an address', '192.0.2.1,unknown', [true, false]],
  ])('says nothing of what comes after it: %s', (_what, value, expected) => {
    expect(unnamed(value, 'x-forwarded-for')).toEqual([...expected, false]);
  });
});

describe('readNode', () => {
  it.each<[text: string, from: number, to: number, expected: string | null]>([
    ['x 192.0.2.60 x', 1, 13, '192.0.2.60'],
    ['x[2001:db8::1]x', 1, 14, '2001:db8::1'],
    ['[2001:db8::1]', 0, 12, null],
    ['[2001:db8::1]:80', 0, 10, null],
    ['192.0.2.60:80', 0, 8, null],
    ['192.0.2.60:80', 0, 10, '192.0.2.60'],
    ['192.0.2.60:80', 0, 11, null],
  ])('of %j, from %i to %i, is %s', (text, from, to, expected) => {
    expect(readNode(text, from, to)?.toString() ?? null).toBe(expected);
  });
});

describe('readSingleAddress', () => {
  it.each(nodes)('%j is %s', (text, expected) => {
    expect(readSingleAddress(text)?.toString() ?? null).toBe(expected);
  });

  it.each([
    ['a list of one line', ['192.0.2.1'], '192.0.2.1'],
    ['two lines, of which one is forged', ['192.0.2.1', '192.0.2.2'], null],
    ['two addresses, as node joins two lines', '192.0.2.1, 192.0.2.2', null],
    ['no header', undefined, null],
    ['a number', 3221225985, null],
    ['an object', { toString: () => '192.0.2.1' }, null],
    ['64 KB', ' '.repeat(65_536) + '192.0.2.1', null],
    ['as long as an entry may be', '192.0.2.1'.padStart(128), '192.0.2.1'],
    ['longer than an entry may be', '192.0.2.1'.padStart(129), null],
    ['white space', ' \t ', null],
  ])('%s', (_what, value, expected) => {
    expect(readSingleAddress(value)?.toString() ?? null).toBe(expected);
  });
});
