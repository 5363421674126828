import type { ModulesContainer } from '@nestjs/core';
import { IpTrackingError } from './ip-tracking.errors.js';

/**
 * Sees to it that an app has the module once. A second one would judge, count and log every request a second time, by
 * other options perhaps; and one that is imported by its class alone has no options at all.
 *
 * @param type the module's class.
 * @param options what `forRoot()` was given; undefined where the class was imported instead.
 * @throws IpTrackingError `IPT_IMPORTED_TWICE`.
 */
export function requireOneModule<T>(
  modules: ModulesContainer,
  type: unknown,
  options: T | undefined,
): T {
  const count = [...modules.values()].filter(({ metatype }) => metatype === type).length;
  if (count > 1) {
    throw new IpTrackingError(
      'IPT_IMPORTED_TWICE',
      `IpTrackingModule is imported ${count} times in one app, by forRoot() or by its class: keep one forRoot(), in the root module. What it exports is there for all modules, and needs no other import.`,
    );
  }
  if (options !== undefined) return options;
  throw new IpTrackingError(
    'IPT_IMPORTED_TWICE',
    'IpTrackingModule is imported by its class, and so has no options: write IpTrackingModule.forRoot(...), in the root module.',
  );
}
