import { IpTrackingError } from '../ip-tracking.errors.js';
import { show } from '../options/checks.js';

/**
 * A list of countries, checked.
 *
 * @param where the option or the decorator, for the error.
 * @throws IpTrackingError `IPT_INVALID_COUNTRY` for an empty list, and for anything but two capital letters
 * (ISO 3166-1 alpha-2): a code that no provider gives would never match, and nobody would notice.
 */
export function countrySet(where: string, countries: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(countries) || countries.length === 0) {
    throw new IpTrackingError(
      'IPT_INVALID_COUNTRY',
      `${where} names no country: give at least one, such as "DE"`,
    );
  }
  for (const country of countries) {
    if (typeof country === 'string' && /^(?!UK)[A-Z]{2}$/.test(country)) continue;
    const upper = typeof country === 'string' ? country.toUpperCase() : '';
    const hint =
      upper === 'UK'
        ? 'the United Kingdom is "GB"'
        : /^[A-Z]{2}$/.test(upper)
          ? `did you mean "${upper}"?`
          : 'give the two capital letters of ISO 3166-1, such as "DE"';
    throw new IpTrackingError(
      'IPT_INVALID_COUNTRY',
      `${where} was given ${show(country)}: ${hint}`,
    );
  }
  return new Set(countries);
}
