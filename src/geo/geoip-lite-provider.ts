import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  private date: Date | null = null;

  /** The day of the release that the data was made of, as its checksum file names it; null until it is loaded. */
  get dataDate(): Date | null {
    return this.date;
  }

  /** Whether the package is there; does not load it. */
  static get isInstalled(): boolean {
    try {
      return require.resolve('geoip-lite') !== '';
    } catch {
      return false;
    }
  }

  /** @throws IpTrackingError `IPT_MISSING_PACKAGE` where geoip-lite is not installed. */
  async load(): Promise<void> {
    if (this.database !== null) return;
    this.database = requireGeoipLite();
    this.date = await readDataDate();
  }

  lookup(ip: IpAddress): GeoPlace | null {
    const found = this.database?.lookup(ip.toString()) ?? null;
    if (found === null) return null;
    // Where geoip-lite does not know, it says so with an empty string.
    return { country: found.country || null, city: found.city || null };
  }
}

function requireGeoipLite(): GeoipLite {
  try {
    return require('geoip-lite') as GeoipLite;
  } catch (error) {
    throw new IpTrackingError(
      'IPT_MISSING_PACKAGE',
      'geoip-lite cannot be loaded: run "npm i geoip-lite", give another geo.provider, or set geo: false',
      { cause: error },
    );
  }
}

/** The package says nowhere how old its data is, but for the name of the archive that it was made of. */
async function readDataDate(): Promise<Date | null> {
  try {
    const folder =
      process.env['GEODATADIR'] ?? join(require.resolve('geoip-lite/package.json'), '../data');
    const checksum = await readFile(join(folder, 'city.checksum'), 'utf8');
    const [, year, month, day] = /_(\d{4})(\d\d)(\d\d)\.zip/.exec(checksum) ?? [];
    const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
    return Number.isNaN(date.getTime()) ? null : date;
  } catch {
    return null;
  }
}
