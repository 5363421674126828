import { messageOf } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import { coordinatesOfRecord, type GeoCoordinates } from './coordinates.js';
import { cleanPlace } from './clean-place.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';
import { fileVersion, readMmdb, type MmdbReader } from './mmdb-file.js';
import { placeOfRecord } from './mmdb-place.js';

/** How a {@link MaxMindProvider} finds its data. */
export interface MaxMindProviderOptions {
  /** The `.mmdb` file: GeoLite2, GeoIP2, DB-IP or ipinfo, by country or by city. */
  path: string;
  /** How often to look whether the file has changed, in milliseconds; 0 for never. @default 60000 */
  checkIntervalMs?: number;
}

/**
 * Places from a file of MaxMind's format, through the package `maxmind`. The file may be replaced while the app runs: a
 * new one is read, checked, and only then used. One that is cut off, or caught half written, is reported, and what was
 * read before stays. The file is looked at rather than watched: a watch is lost when a file is replaced by renaming,
 * and has never worked on network volumes.
 */
export class MaxMindProvider implements GeoProvider {
  readonly name = 'maxmind';
  private readonly path: string;
  private readonly checkIntervalMs: number;
  private reader: MmdbReader | null = null;
  private version = '';
  private timer: NodeJS.Timeout | null = null;

  constructor(options: MaxMindProviderOptions) {
    this.path = options.path;
    this.checkIntervalMs = options.checkIntervalMs ?? 60_000;
  }

  /** The day the file was built. */
  get dataDate(): Date | null {
    return this.reader?.metadata.buildEpoch ?? null;
  }

  /** @throws IpTrackingError `IPT_GEO_FILE` or `IPT_MISSING_PACKAGE` where there is nothing to begin with. */
  async load(warn: (message: string) => void = () => undefined): Promise<void> {
    ({ reader: this.reader, version: this.version } = await readMmdb(this.path));
    if (this.checkIntervalMs === 0) return;
    this.timer = setInterval(() => void this.refresh(warn), this.checkIntervalMs);
    this.timer.unref();
  }

  lookup(ip: IpAddress): GeoPlace | null {
    const text = ip.toString();
    // A file of IPv4 alone would be walked by the first bits of an IPv6 address, and answer for somebody else.
    if (this.reader === null || (ip.family === 6 && this.reader.metadata.ipVersion === 4)) {
      return null;
    }
    const place = placeOfRecord(this.reader.get(text));
    return place === null ? null : cleanPlace(place);
  }

  /** What the file says of where an address is, if it is by city. */
  coordinates(ip: IpAddress): GeoCoordinates | null {
    if (this.reader === null || (ip.family === 6 && this.reader.metadata.ipVersion === 4)) {
      return null;
    }
    return coordinatesOfRecord(this.reader.get(ip.toString()));
  }

  /** Reads the file anew if it has changed. Never rejects: what was read before stays. */
  async refresh(warn: (message: string) => void = () => undefined): Promise<void> {
    try {
      const version = await fileVersion(this.path);
      if (version === this.version) return;
      // Kept even if the reading fails: a broken file is reported once, and tried again when it changes.
      this.version = version;
      ({ reader: this.reader, version: this.version } = await readMmdb(this.path));
    } catch (error) {
      if (isMissing(error)) {
        // Between the removal of the old file and the arrival of the new one, or a volume that is away.
        if (this.version === '') return;
        this.version = '';
      }
      warn(`the places of before stay: ${messageOf(error)}`);
    }
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT';
}
