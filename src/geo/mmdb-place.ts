/** A name as a publisher writes it: plain text, or by language as in MaxMind's own files. */
function nameOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return null;
  const { names, name } = value as { names?: unknown; name?: unknown };
  if (typeof name === 'string') return name;
  if (typeof names !== 'object' || names === null) return null;
  const { en } = names as { en?: unknown };
  const first = en ?? Object.values(names)[0];
  return typeof first === 'string' ? first : null;
}

/** A country's code wherever publishers and APIs put it: `country.iso_code`, `country_code`, `countryCode`, `country`. */
function codeOf(record: Record<string, unknown>): unknown {
  const { country } = record;
  if (typeof country === 'object' && country !== null) {
    const { iso_code: isoCode, isoCode: camelCode, code } = country as Record<string, unknown>;
    return isoCode ?? camelCode ?? code;
  }
  return record['country_code'] ?? record['countryCode'] ?? country;
}

/**
 * Reads country and city from a record of GeoLite2, DB-IP or ipinfo, or from the answer of an API of their shape. What
 * it gives is not clean yet: a country may be a name. `registered_country` is left alone: it is where the network's
 * holder is registered, which says little about where its addresses are.
 */
export function placeOfRecord(record: unknown): { country: unknown; city: string | null } | null {
  if (typeof record !== 'object' || record === null) return null;
  const fields = record as Record<string, unknown>;
  return { country: codeOf(fields), city: nameOf(fields['city']) };
}
