import type { GeoPlace } from './geo-provider.js';

/** What is answered for an address that nothing is known about. */
export const UNKNOWN_PLACE: GeoPlace = Object.freeze({ country: null, city: null });

const COUNTRY = /^[A-Z]{2}$/;
/** In code points. The longest name of a city that a registry has is shorter. */
const MAX_CITY_LENGTH = 128;

/**
 * What a provider has said, as it may be stored and compared. Providers say "unknown" in many ways (`''`, `'-'`,
 * `'ZZZ'`, a missing field), and a rule that compares countries must never meet any of them: a country that is not two
 * capital letters is null. A city keeps no control characters, which PostgreSQL or a terminal would stumble over.
 */
export function cleanPlace(said: unknown): GeoPlace {
  if (typeof said !== 'object' || said === null) return UNKNOWN_PLACE;
  const { country, city } = said as Partial<Record<keyof GeoPlace, unknown>>;
  const place = {
    country: typeof country === 'string' && COUNTRY.test(country) ? country : null,
    city: typeof city === 'string' ? cleanCity(city) : null,
  };
  return place.country === null && place.city === null ? UNKNOWN_PLACE : place;
}

function cleanCity(city: string): string | null {
  const printable = city
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  const points = Array.from(printable.slice(0, 2 * MAX_CITY_LENGTH));
  return points.slice(0, MAX_CITY_LENGTH).join('') || null;
}
