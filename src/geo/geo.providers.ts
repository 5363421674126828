import { messageOf } from '../ip-tracking.errors.js';
import { logger, provide, steadyClock, WALL_CLOCK } from '../provide.js';
import type { GeoProvider } from './geo-provider.js';
import { GeoService } from './geo-service.js';
import { GEO_SETTINGS } from './geo.options.js';
import { GeoipLiteProvider } from './geoip-lite-provider.js';

/** Where clients are. */
export const geoProviders = [
  provide(
    GeoService,
    [GEO_SETTINGS, WALL_CLOCK],
    ({ isEnabled, provider, ...settings }, wallNow) =>
      new GeoService(isEnabled ? (provider ?? installedProvider()) : null, {
        ...settings,
        now: steadyClock,
        wallNow,
        onError: (error) => logger.warn(`places are unknown: ${messageOf(error)}`),
        onWarning: (message) => logger.warn(message),
      }),
  ),
];

/** What is used where a host has named nothing: geoip-lite, which hosts that want it have installed. */
function installedProvider(): GeoProvider | null {
  if (GeoipLiteProvider.isInstalled) return new GeoipLiteProvider();
  logger.log(
    'no country and no city is kept, as nothing tells them: run "npm i geoip-lite", or give geo.provider; geo: false keeps this quiet',
  );
  return null;
}
