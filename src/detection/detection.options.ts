import { flag, wholeNumber, type Check } from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import { token } from '../provide.js';

/** The hourly detection. */
export interface DetectionOptions {
  /** Requests within an hour beyond which a client is flagged. @default 100 */
  requestsPerHour?: number;
  /** Run the scan every hour in this process. @default true */
  cron?: boolean;
}

/** What each of {@link DetectionOptions} is where it is left out. */
export const DETECTION_DEFAULTS = {
  requestsPerHour: 100,
  cron: true,
} satisfies Defaults<DetectionOptions>;

/** How each of {@link DetectionOptions} is checked. */
export const DETECTION_CHECKS: Record<keyof DetectionOptions, Check> = {
  requestsPerHour: wholeNumber(1),
  cron: flag,
};

/** {@link DetectionOptions} with every default filled in. */
export interface DetectionSettings extends Filled<DetectionOptions, typeof DETECTION_DEFAULTS> {
  readonly isEnabled: boolean;
}

export const DETECTION_SETTINGS = token<DetectionSettings>('detection-settings');

/** Fills in the defaults of options that have passed {@link DETECTION_CHECKS}. */
export function detectionSettings(given: false | DetectionOptions | undefined): DetectionSettings {
  return { isEnabled: given !== false, ...filled(given || {}, DETECTION_DEFAULTS) };
}
