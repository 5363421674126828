import { wholeNumber, withMethods, type Check } from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import type { GeoProvider } from './geo-provider.js';
import { token } from '../provide.js';

/** Country and city of clients. */
export interface GeoOptions {
  /**
   * Where places come from: `MaxMindProvider`, `RemoteGeoProvider`, `ChainGeoProvider`, or one of your own.
   *
   * @default geoip-lite, if it is installed
   */
  provider?: GeoProvider;
  /** How long a place is kept, in milliseconds. @default 86400000 (24 hours) */
  cacheTtlMs?: number;
  /** How many addresses are kept at most. @default 50000 */
  cacheMaxEntries?: number;
  /** How long a record waits for the place of a provider that answers later, in milliseconds. @default 1000 */
  lookupTimeoutMs?: number;
  /** Warn at the start of the app where the provider's data is older, in days; 0 for never. @default 365 */
  warnAfterDays?: number;
}

/** What each of {@link GeoOptions} is where it is left out. */
export const GEO_DEFAULTS = {
  provider: null,
  cacheTtlMs: 24 * 60 * 60 * 1_000,
  cacheMaxEntries: 50_000,
  lookupTimeoutMs: 1_000,
  warnAfterDays: 365,
} satisfies Defaults<GeoOptions>;

/** How each of {@link GeoOptions} is checked. */
export const GEO_CHECKS: Record<keyof GeoOptions, Check> = {
  provider: withMethods('a GeoProvider', 'lookup'),
  cacheTtlMs: wholeNumber(1),
  cacheMaxEntries: wholeNumber(1),
  lookupTimeoutMs: wholeNumber(1, 60_000),
  warnAfterDays: wholeNumber(0),
};

/** {@link GeoOptions} with every default filled in. */
export interface GeoSettings extends Filled<GeoOptions, typeof GEO_DEFAULTS> {
  readonly isEnabled: boolean;
}

export const GEO_SETTINGS = token<GeoSettings>('geo-settings');

/** Fills in the defaults of options that have passed {@link GEO_CHECKS}. */
export function geoSettings(given: false | GeoOptions | undefined): GeoSettings {
  return { isEnabled: given !== false, ...filled(given || {}, GEO_DEFAULTS) };
}
