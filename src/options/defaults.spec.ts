import { expect, it } from 'vitest';
import { filled } from './defaults.js';

interface Options {
  count?: number;
  isOn?: boolean;
  name?: string;
}

const defaults = { count: 5, isOn: true, name: null } satisfies Record<keyof Options, unknown>;

it('keeps what is given, false and 0 included, and fills in the rest', () => {
  expect(filled<Options, typeof defaults>({ count: 0, isOn: false }, defaults)).toEqual({
    count: 0,
    isOn: false,
    name: null,
  });
});

it('takes undefined for absent, and nothing for all defaults', () => {
  expect(filled<Options, typeof defaults>({ count: undefined }, defaults)).toEqual(defaults);
  expect(filled<Options, typeof defaults>(undefined, defaults)).toEqual(defaults);
});

it('takes over nothing that has no default', () => {
  const given = { count: 1, other: 2 } as Options;
  expect(filled<Options, typeof defaults>(given, defaults)).not.toHaveProperty('other');
});
