import { UNKNOWN_PLACE } from '../geo/clean-place.js';
import { GEO_DEFAULTS } from '../geo/geo.options.js';
import type { GeoPlace } from '../geo/geo-provider.js';
import { GeoService } from '../geo/geo-service.js';
import type { IpAddress } from '../net/ip-address.js';
import type { IpTrackingTesting } from './ip-tracking-testing.js';

/** Places as the test says, of the addresses that are kept for examples as well. Nothing is cached. */
export class TestPlaces extends GeoService {
  constructor(private readonly testing: Pick<IpTrackingTesting, 'place'>) {
    super(null, { ...GEO_DEFAULTS, now: () => performance.now(), onError: () => undefined });
  }

  override get hasProvider(): boolean {
    return true;
  }

  override lookup(ip: IpAddress | null): GeoPlace {
    if (ip === null) return UNKNOWN_PLACE;
    const { place } = this.testing;
    return { ...UNKNOWN_PLACE, ...(typeof place === 'function' ? place(ip.toString()) : place) };
  }

  override locate(ip: IpAddress | null): GeoPlace {
    return this.lookup(ip);
  }
}
