import type { RouteRules } from '../edge/route-description.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import type { RulePolicy } from './decide.js';

/**
 * Rules by country are no rules where nobody knows a country: said when the app starts, and not when somebody gets in.
 *
 * @param where what has the rules, such as an option or a controller, for the error.
 * @throws IpTrackingError `IPT_INVALID_OPTION`
 */
export function assertNoCountries(
  where: string,
  {
    allowCountries,
    blockCountries,
  }: Pick<RulePolicy & RouteRules, 'allowCountries' | 'blockCountries'>,
): void {
  if (allowCountries === null && blockCountries === null) return;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `${where} has rules by country, and nothing tells where clients are: run "npm i geoip-lite", or give geo.provider`,
  );
}
