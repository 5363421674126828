import type { IpAddress } from '../net/ip-address.js';

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
  /** Brings the data into memory; called once, before the first lookup. A rejection leaves every place unknown. */
  load?(): Promise<void>;
  /** The place of a public address, or null where the provider has none. Must not block; may throw. */
  lookup(ip: IpAddress): GeoPlace | null;
}
