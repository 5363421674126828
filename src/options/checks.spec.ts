import { describe, expect, it } from 'vitest';
import {
  callable,
  checkObject,
  flag,
  oneOf,
  part,
  pathList,
  show,
  wholeNumber,
  withMethods,
  type Check,
} from './checks.js';

/** The message of what a check throws; null where it accepts the value. */
function complaint(check: Check, value: unknown): string | null {
  try {
    check('a.b', value);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

class Store {
  hit(): void {}
  peek(): void {}
}

describe('a check', () => {
  it.each<[string, Check, unknown]>([
    ['the least number', wholeNumber(1, 5), 1],
    ['the greatest number', wholeNumber(1, 5), 5],
    ['a number without an upper bound', wholeNumber(0), Number.MAX_SAFE_INTEGER],
    ['true', flag, true],
    ['false', flag, false],
    ['a function', callable, () => {}],
    ['a class, which is a function', callable, Store],
    ['an object with the methods', withMethods('a store', 'hit', 'peek'), new Store()],
    ['an object with more', withMethods('a store', 'hit'), { hit: () => {}, x: 1 }],
    ['a word', oneOf('on', 'off'), 'off'],
    ['paths', pathList, ['/admin', '/a/b c', '/.env', '/größe']],
    ['no paths', pathList, []],
    ['a part that is switched off', part({}), false],
    ['a part without options', part({ a: flag }), {}],
    ['a part with some', part({ a: flag, b: flag }), { a: true }],
    ['an option that is undefined', part({ a: flag }), { a: undefined }],
    [
      'options without a prototype',
      part({ a: flag }),
      Object.assign(Object.create(null), { a: true }),
    ],
  ])('accepts %s', (_, check, value) => {
    expect(complaint(check, value)).toBeNull();
  });

  it.each<[string, Check, unknown, string]>([
    ['a smaller number', wholeNumber(1, 5), 0, 'a.b is 0: give a whole number from 1 to 5.'],
    ['a greater number', wholeNumber(1, 5), 6, 'a.b is 6: give a whole number from 1 to 5.'],
    ['a fraction', wholeNumber(1), 1.5, 'a.b is 1.5: give a whole number of 1 or more.'],
    ['NaN', wholeNumber(0), Number.NaN, 'a.b is NaN: give a whole number of 0 or more.'],
    ['Infinity', wholeNumber(0), Infinity, 'a.b is Infinity: give a whole number of 0 or more.'],
    ['a number as text', wholeNumber(0), '5', 'a.b is "5": give a whole number of 0 or more.'],
    ['null', wholeNumber(0), null, 'a.b is null: give a whole number of 0 or more.'],
    ['a flag as text', flag, 'true', 'a.b is "true": give true or false.'],
    ['a flag as number', flag, 1, 'a.b is 1: give true or false.'],
    ['no function', callable, {}, 'a.b is an object: give a function.'],
    [
      'a missing method',
      withMethods('a store', 'hit', 'peek'),
      { hit: () => {} },
      'a.b is an object: give a store, which has hit, peek.',
    ],
    [
      'a class instead of its object',
      withMethods('a store', 'hit'),
      Store,
      'a.b is a function: give a store, which has hit.',
    ],
    [
      'null for an object',
      withMethods('a store', 'hit'),
      null,
      'a.b is null: give a store, which has hit.',
    ],
    [
      'another word',
      oneOf('express', 'fastify'),
      'koa',
      'a.b is "koa": give "express" or "fastify".',
    ],
    [
      'a word misspelt',
      oneOf('express', 'fastify'),
      'fastfy',
      'a.b is "fastfy": did you mean "fastify"? Give "express" or "fastify".',
    ],
    ['no word', oneOf('on', 'off'), true, 'a.b is true: give "on" or "off".'],
    ['one path', pathList, '/admin', `a.b is "/admin": give a list of paths, such as ['/admin'].`],
    ['a part that is switched on', part({}), true, 'a.b is true: give an object.'],
    ['a list as a part', part({}), [], 'a.b is an empty array: give an object.'],
    ['null as a part', part({}), null, 'a.b is null: give an object.'],
  ])('refuses %s', (_, check, value, message) => {
    expect(complaint(check, value)).toBe(message);
    expect(() => check('a.b', value)).toThrow(
      expect.objectContaining({ code: 'IPT_INVALID_OPTION' }),
    );
  });

  it.each([['admin'], ['/'], ['/a?b'], ['/a#b'], [''], [7], [null]])(
    'names the path that is none: %j',
    (entry) => {
      expect(complaint(pathList, ['/ok', entry])).toMatch(/^a\.b\[1\] is .*begins with a slash/);
    },
  );
});

describe('an object of options', () => {
  const checks = { maxKeys: wholeNumber(1), redis: part({ url: () => {} }) };
  const complain = (value: unknown, path = '') => {
    try {
      checkObject(path, value, checks);
      return null;
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return { code, message };
    }
  };

  it.each([
    [{ maxkeys: 1 }, 'maxkeys is not an option. Did you mean maxKeys?'],
    [{ colour: 1 }, 'colour is not an option. There are: maxKeys, redis.'],
    [{ redis: { ur: 1 } }, 'redis.ur is not an option. Did you mean redis.url?'],
    [{ toString: 1 }, 'toString is not an option. There are: maxKeys, redis.'],
    [JSON.parse('{"__proto__": 1}'), '__proto__ is not an option. There are: maxKeys, redis.'],
  ])('has no other names: %j', (value, message) => {
    expect(complain(value)).toEqual({ code: 'IPT_UNKNOWN_OPTION', message });
  });

  it('is complained about by its full name', () => {
    expect(complain({ maxKeys: 0 }, 'limits')?.message).toMatch(/^limits\.maxKeys is 0:/);
    expect(complain({ maxKey: 0 }, 'limits')?.message).toMatch(/Did you mean limits\.maxKeys\?$/);
    expect(complain('x')?.message).toBe('the configuration is "x": give an object.');
  });
});

describe('show', () => {
  it.each<[unknown, string]>([
    ['a"b\n', '"a\\"b\\n"'],
    ['x'.repeat(65), `"${'x'.repeat(64)}..."`],
    ['x'.repeat(64), `"${'x'.repeat(64)}"`],
    [undefined, 'undefined'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [10n, '10'],
    [Symbol('s'), 'Symbol(s)'],
    [[1, 2], 'an array'],
    [[], 'an empty array'],
    [{ password: 'secret' }, 'an object'],
    [() => 'secret', 'a function'],
  ])('shows %o as %s', (value, expected) => {
    expect(show(value)).toBe(expected);
  });
});
