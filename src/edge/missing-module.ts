import { IpTrackingError } from '../ip-tracking.errors.js';
import { logger } from '../provide.js';

let hasWarned = false;

/**
 * What is bound to a handler, and finds nothing of the module in its app: a unit test that has made a controller and
 * nothing else, or an app that has forgotten the import. There is nothing that it could do.
 *
 * @param name the class that is bound.
 * @throws IpTrackingError `IPT_MODULE_MISSING` in production, where a route would seem guarded that is not.
 */
export function withoutModule(name: string): void {
  const what = `${name} is bound to a handler, but IpTrackingModule is not imported in this app`;
  if (process.env['NODE_ENV'] === 'production') {
    throw new IpTrackingError(
      'IPT_MODULE_MISSING',
      `${what}: import IpTrackingModule.forRoot(...) in its root module, with { enabled: false } where nothing is to be guarded.`,
    );
  }
  if (hasWarned) return;
  hasWarned = true;
  logger.warn(
    `${what}, so nothing is limited, refused or logged here; with NODE_ENV=production the app would not start. A test is spared this by overrideGuard(), overrideInterceptor() or IpTrackingTestingModule`,
  );
}
