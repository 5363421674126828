import { IpTrackingError } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import type { GeoCoordinates } from './coordinates.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';

/**
 * Asks several providers in order, until one knows the country: a file of your own first, and geoip-lite for what that
 * does not have. One that fails is passed over; it is an error only where nobody else knows.
 */
export class ChainGeoProvider implements GeoProvider {
  readonly name: string;
  private loaded: readonly GeoProvider[] = [];

  /**
   * @param providers the first that knows answers.
   * @throws IpTrackingError `IPT_INVALID_OPTION` for an empty list.
   */
  constructor(private readonly providers: readonly GeoProvider[]) {
    if (providers.length === 0) {
      throw new IpTrackingError(
        'IPT_INVALID_OPTION',
        'ChainGeoProvider was given no provider: give at least one, such as new GeoipLiteProvider()',
      );
    }
    this.name = `chain(${providers.map(({ name }) => name).join(', ')})`;
  }

  /** The oldest day among the data that is loaded: an answer may come from there. */
  get dataDate(): Date | null {
    const days = this.loaded.flatMap(({ dataDate }) => dataDate?.getTime() ?? []);
    return days.length === 0 ? null : new Date(Math.min(...days));
  }

  /** Loads all; rejects only where not one of them can be loaded. */
  async load(warn: (message: string) => void = () => undefined): Promise<void> {
    const loads = await Promise.all(this.providers.map((provider) => loadOf(provider, warn)));
    this.loaded = loads.flatMap(({ provider, failure }) => (failure === null ? provider : []));
    const failed = loads.flatMap(({ provider, failure }) =>
      failure === null ? [] : { name: provider.name, ...failure },
    );
    if (this.loaded.length === 0) throw failed[0]?.reason;
    for (const { name, reason } of failed) {
      warn(`${name} is passed over: ${reason instanceof Error ? reason.message : String(reason)}`);
    }
  }

  lookup(ip: IpAddress): GeoPlace | null | Promise<GeoPlace | null> {
    return this.ask(ip, 0, null, undefined);
  }

  /** Those of the first that has any. */
  coordinates(ip: IpAddress): GeoCoordinates | null {
    for (const provider of this.loaded) {
      const found = provider.coordinates?.(ip) ?? null;
      if (found !== null) return found;
    }
    return null;
  }

  async close(): Promise<void> {
    await Promise.all(this.providers.map(async (provider) => provider.close?.()));
  }

  /** @param best what is known if nobody after `first` knows a country. */
  private ask(
    ip: IpAddress,
    first: number,
    best: GeoPlace | null,
    error: unknown,
  ): GeoPlace | null | Promise<GeoPlace | null> {
    for (let index = first; index < this.loaded.length; index += 1) {
      try {
        const place = this.loaded[index]!.lookup(ip);
        if (isPromise(place)) {
          return Promise.resolve(place).then(
            (later) =>
              isCountryKnown(later) ? later : this.ask(ip, index + 1, best ?? later, error),
            (reason: unknown) => this.ask(ip, index + 1, best, reason),
          );
        }
        if (isCountryKnown(place)) return place;
        best ??= place;
      } catch (reason) {
        error = reason;
      }
    }
    if (best === null && error !== undefined) throw error;
    return best;
  }
}

/** Loads one provider; what it was rejected with is kept. */
async function loadOf(provider: GeoProvider, warn: (message: string) => void) {
  try {
    await provider.load?.(warn);
    return { provider, failure: null };
  } catch (reason) {
    return { provider, failure: { reason } };
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | null)?.then === 'function';
}

function isCountryKnown(place: GeoPlace | null): boolean {
  // Geoip-lite and others say "unknown" with an empty string.
  return Boolean(place?.country);
}
