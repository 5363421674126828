import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_EXTRA_BYTES, storableExtra } from './storable-extra.js';

const circle: Record<string, unknown> = { name: 'circle' };
circle['self'] = { circle };
const twice = { a: 1 };
const nested = (levels: number): unknown => (levels === 0 ? 'end' : { in: nested(levels - 1) });

describe('storableExtra', () => {
  it.each<[string, unknown, unknown]>([
    ['nothing', undefined, null],
    ['null', null, null],
    ['an empty object', {}, {}],
    ['a plain object', { a: 1, b: 'x', c: [true, null] }, { a: 1, b: 'x', c: [true, null] }],
    ['one without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['one of another realm', runInNewContext('({ a: 1 })'), { a: 1 }],
    ['U+0000', { 'a\u0000': 'b\u0000c' }, { 'a\uFFFD': 'b\uFFFDc' }],
    ['lone surrogates', { 'a\ud800': '\udc00b' }, { 'a\uFFFD': '\uFFFDb' }],
    ['a whole emoji', { a: '\u{1F600}' }, { a: '\u{1F600}' }],
    ['what only looks like an escape', { a: '\\u0000 \\\\ud800' }, { a: '\\u0000 \\\\ud800' }],
    ['other control characters', { a: '\u0001\u001e\t\n' }, { a: '\u0001\u001e\t\n' }],
    ['a BigInt', { a: 12345678901234567890n }, { a: '12345678901234567890' }],
    ['no number', { a: Number.NaN, b: Number.POSITIVE_INFINITY }, { a: null, b: null }],
    [
      'functions, symbols, undefined',
      { a: () => 1, b: Symbol('b'), c: undefined, d: [() => 1] },
      { d: [null] },
    ],
    ['a Date', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['a toJSON of its own', { toJSON: () => ({ b: 2 }) }, { b: 2 }],
    ['a circle', circle, { name: 'circle', self: { circle: '[circular]' } }],
    ['the same value twice', { a: twice, b: [twice] }, { a: { a: 1 }, b: [{ a: 1 }] }],
    [
      'a name that is special',
      JSON.parse('{"__proto__":{"x":1}}'),
      JSON.parse('{"__proto__":{"x":1}}'),
    ],
  ])('takes %s', (_, value, expected) => {
    expect(storableExtra(value)).toEqual(expected);
  });

  it('cuts what lies too deep', () => {
    expect(JSON.stringify(storableExtra(nested(31) as object))).not.toContain('too deep');
    expect(JSON.stringify(storableExtra(nested(10_000) as object))).toContain('"[too deep]"');
  });

  class Session {}
  it.each<[string, unknown, RegExp]>([
    ['a text', 'text', /other than a plain object/],
    ['a number', 1, /other than a plain object/],
    ['a list', [1], /other than a plain object/],
    ['a function', () => ({}), /other than a plain object/],
    ['a Map', new Map(), /other than a plain object/],
    ['an object of a class', new Session(), /other than a plain object/],
    ['a toJSON that gives a list', { toJSON: () => [] }, /other than a plain object/],
    ['a toJSON that gives nothing', { toJSON: () => undefined }, /other than a plain object/],
    ['a promise', Promise.resolve({}), /a promise/],
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is refused
    ['a thenable', { then: () => {} }, /a promise/],
    ['a toJSON that throws', { a: { toJSON: () => fail() } }, /no luck/],
    [
      'a getter that throws',
      Object.defineProperty({}, 'a', { get: fail, enumerable: true }),
      /no luck/,
    ],
    ['a text that is too long', { a: 'x'.repeat(MAX_EXTRA_BYTES) }, /more than 8192 bytes/],
    ['many values', { a: Array<number>(1e8) }, /more than 8192 bytes/],
    ['a long name', { ['x'.repeat(MAX_EXTRA_BYTES)]: 1 }, /more than 8192 bytes/],
    ['few characters of many bytes', { a: '\u{1F600}'.repeat(2_100) }, /more than 8192 bytes/],
    ['few characters with many escapes', { a: '\u0001'.repeat(2_000) }, /more than 8192 bytes/],
  ])('refuses %s', (_, value, message) => {
    expect(() => storableExtra(value)).toThrow(message);
  });

  it('leaves no rejection behind that nobody has caught', async () => {
    // The run itself fails where a rejection is unhandled.
    expect(() => storableExtra(Promise.reject(new Error('no')))).toThrow(/a promise/);
    await new Promise(setImmediate);
  });

  it('gives what JSON gives back, of any JSON that is short enough', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (value) => {
        const json = JSON.stringify(value);
        fc.pre(json.length < 2_000 && !json.includes('\\u'));
        expect(storableExtra(value)).toEqual(JSON.parse(json));
      }),
    );
  });
});

function fail(): never {
  throw new Error('no luck');
}
