import { messageOf } from '../ip-tracking.errors.js';
import { logger, provide, steadyClock, WALL_CLOCK } from '../provide.js';
import { GeoService } from './geo-service.js';
import { GEO_SETTINGS } from './geo.options.js';
import { GeoipLiteProvider } from './geoip-lite-provider.js';

/** Where clients are. */
export const geoProviders = [
  provide(
    GeoService,
    [GEO_SETTINGS, WALL_CLOCK],
    ({ isEnabled, provider, ...settings }, wallNow) =>
      new GeoService(isEnabled ? (provider ?? new GeoipLiteProvider()) : null, {
        ...settings,
        now: steadyClock,
        wallNow,
        onError: (error) => logger.warn(`places are unknown: ${messageOf(error)}`),
        onWarning: (message) => logger.warn(message),
      }),
  ),
];
