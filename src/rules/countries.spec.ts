import { describe, expect, it } from 'vitest';
import { countrySet } from './countries.js';

function complaint(countries: unknown): { code: string; message: string } | null {
  try {
    countrySet('rules.blockCountries', countries as string[]);
    return null;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
}

describe('countrySet', () => {
  it.each([
    [['DE'], ['DE']],
    [
      ['DE', 'FR', 'DE'],
      ['DE', 'FR'],
    ],
    // Assigned by whoever provides the places, not by ISO.
    [['XK'], ['XK']],
  ])('takes %j', (countries, expected) => {
    expect([...countrySet('@BlockCountries()', countries)]).toEqual(expected);
  });

  it('is a copy: what happens to the list later changes no rule', () => {
    const list = ['DE'];
    const set = countrySet('x', list);
    list.push('FR');
    expect(set.has('FR')).toBe(false);
  });

  it.each<[unknown, string]>([
    [['de'], 'was given "de": did you mean "DE"?'],
    [['De'], 'was given "De": did you mean "DE"?'],
    [['UK'], 'was given "UK": the United Kingdom is "GB"'],
    [['uk'], 'was given "uk": the United Kingdom is "GB"'],
    [['DEU'], 'was given "DEU": give the two capital letters of ISO 3166-1, such as "DE"'],
    [['Germany'], 'was given "Germany": give the two capital letters of ISO 3166-1, such as "DE"'],
    [['DE '], 'was given "DE ": give the two capital letters of ISO 3166-1, such as "DE"'],
    [['DE\n'], 'was given "DE\\n": give the two capital letters of ISO 3166-1, such as "DE"'],
    [['ÄÖ'], 'was given "ÄÖ": give the two capital letters of ISO 3166-1, such as "DE"'],
    [[''], 'was given "": give the two capital letters of ISO 3166-1, such as "DE"'],
    [[49], 'was given 49: give the two capital letters of ISO 3166-1, such as "DE"'],
    [[null], 'was given null: give the two capital letters of ISO 3166-1, such as "DE"'],
    [['DE', 'fr'], 'was given "fr": did you mean "FR"?'],
    [[], 'names no country: give at least one, such as "DE"'],
    ['DE', 'names no country: give at least one, such as "DE"'],
    [undefined, 'names no country: give at least one, such as "DE"'],
  ])('refuses %j, and says where it stands', (countries, message) => {
    expect(complaint(countries)).toEqual({
      code: 'IPT_INVALID_COUNTRY',
      message: `rules.blockCountries ${message}`,
    });
  });
});
