import { IpTrackingError } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';

/** The part of geoip-lite that is used here; the package has no types of its own. */
interface GeoipLite {
  lookup(ip: string): { country?: string; city?: string } | null;
}

/**
 * Country and city from the data that geoip-lite carries. The package reads about 160 MB of files when it is imported,
 * so it is imported only once this provider is asked to load.
 */
export class GeoipLiteProvider implements GeoProvider {
  readonly name = 'geoip-lite';
  private database: GeoipLite | null = null;

  /** @throws IpTrackingError `IPT_MISSING_PACKAGE` where geoip-lite is not installed. */
  async load(): Promise<void> {
    this.database ??= await importGeoipLite();
  }

  lookup(ip: IpAddress): GeoPlace | null {
    const found = this.database?.lookup(ip.toString()) ?? null;
    if (found === null) return null;
    // Where geoip-lite does not know, it says so with an empty string.
    return { country: found.country || null, city: found.city || null };
  }
}

async function importGeoipLite(): Promise<GeoipLite> {
  // A name that TypeScript cannot resolve: the package is optional and untyped.
  const packageName: string = 'geoip-lite';
  try {
    const imported = (await import(packageName)) as { default: GeoipLite };
    return imported.default;
  } catch (error) {
    throw new IpTrackingError(
      'IPT_MISSING_PACKAGE',
      'geoip-lite cannot be loaded: run "npm i geoip-lite", give another geo.provider, or set geo: false',
      { cause: error },
    );
  }
}
