import type { IpAddress } from '../net/ip-address.js';
import type { GeoCoordinates } from './coordinates.js';

/** Where an address is, as far as a provider knows. */
export interface GeoPlace {
  /** ISO 3166-1 alpha-2 in capitals, such as `DE`; null where unknown. */
  country: string | null;
  city: string | null;
}

/** A source of places. A new one is one file that implements this. */
export interface GeoProvider {
  /** The provider's name, for logs and health checks. */
  readonly name: string;
  /** The day that the data is of; null or absent where the provider cannot tell. Asked once it is loaded. */
  readonly dataDate?: Date | null;
  /**
   * Brings the data into memory; called once, before the first lookup. A rejection leaves every place unknown.
   *
   * @param warn tells the operator, in one sentence, what goes wrong later on.
   */
  load?(warn: (message: string) => void): Promise<void>;
  /**
   * The place of a public address, or null where the provider has none. It must not block, and may throw. A promise is
   * for sources that have to be asked over a network: no request ever waits for it, see {@link GeoService.lookup}.
   */
  lookup(ip: IpAddress): GeoPlace | null | Promise<GeoPlace | null>;
  /** The coordinates of a public address, for the scan of the log; null where there are none. It must not block. */
  coordinates?(ip: IpAddress): GeoCoordinates | null;
  /** Lets go of timers, watchers and connections; called once, when the app closes. */
  close?(): void | Promise<void>;
}
