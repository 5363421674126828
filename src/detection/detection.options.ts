import { validateCronExpression } from 'cron';
import { checkObject, invalid, oneOf, wholeNumber, flag, type Check } from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import { token } from '../provide.js';
import { checkDetectors } from './detector-checks.js';
import type { NameResolver } from './crawlers/crawler-check.js';
import type { Detector, LogDetector } from './detector.js';
import { tunedDetectors, type DetectorTuning } from './tuned-detectors.js';

/** Who looks for attackers: the watch, as requests end, and the scan, over the log. */
export interface DetectionOptions {
  /** Requests within an hour beyond which a client is flagged by `request-volume`. @default 100 */
  requestsPerHour?: number;
  /** Run the scan in this process: every hour, or when a cron expression (in UTC) says so. @default true */
  cron?: boolean | string;
  /**
   * The most that may follow from any finding. Findings are kept, and nobody is limited or banned for them.
   *
   * @default 'flag'
   */
  response?: 'flag';
  /** Look at requests as they end, in memory. @default true */
  watch?: boolean;
  /** What the watch's counters may take, in bytes; beyond it those go that have come least far. @default 150000000 */
  watchMaxBytes?: number;
  /** Thresholds, weights and responses of detectors, by their names. @default as they are */
  tuning?: Record<string, DetectorTuning>;
  /**
   * Ask the DNS who they are that claim to be a crawler when something was found about them: who is one is exempt. No
   * request waits for it. Nobody is asked about addresses that are not stored whole. @default true
   */
  verifyCrawlers?: boolean;
  /** Who is asked. @default the name servers of the system */
  nameResolver?: NameResolver | null;
  /** Detectors of the host's own. @default none */
  detectors?: (Detector | LogDetector)[];
}

/** What each of {@link DetectionOptions} is where it is left out. */
export const DETECTION_DEFAULTS = {
  requestsPerHour: 100,
  cron: true,
  response: 'flag',
  watch: true,
  watchMaxBytes: 150_000_000,
  tuning: {},
  verifyCrawlers: true,
  nameResolver: null,
  detectors: [],
} satisfies Defaults<DetectionOptions>;

const checkTuning: Check = (path, value) =>
  checkObject(path, value, {
    atLeast: wholeNumber(1, 10_000),
    weight: wholeNumber(0, 100),
    response: oneOf('off', 'flag', 'limit', 'ban'),
  });

/** How each of {@link DetectionOptions} is checked. */
export const DETECTION_CHECKS: Record<keyof DetectionOptions, Check> = {
  requestsPerHour: wholeNumber(1),
  cron: (path, value) => {
    if (typeof value !== 'string') {
      flag(path, value);
      return;
    }
    if (!validateCronExpression(value).valid) {
      invalid(path, value, "give true, false, or a cron expression such as '15 * * * *'");
    }
  },
  response: oneOf('flag'),
  watch: flag,
  watchMaxBytes: wholeNumber(2_000_000),
  tuning: (path, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      invalid(path, value, 'give an object of detectors by their names');
    }
    for (const [name, tuning] of Object.entries(value)) {
      checkTuning(`${path}.${name}`, tuning);
    }
  },
  verifyCrawlers: flag,
  nameResolver: (path, value) => {
    const { reverse, forward } = (value ?? {}) as Partial<NameResolver>;
    if (value !== null && (typeof reverse !== 'function' || typeof forward !== 'function')) {
      invalid(path, value, 'give an object with the functions reverse and forward, or null');
    }
  },
  detectors: checkDetectors,
};

/** {@link DetectionOptions} with every default filled in. */
export interface DetectionSettings extends Omit<
  Filled<DetectionOptions, typeof DETECTION_DEFAULTS>,
  'tuning' | 'detectors' | 'cron'
> {
  readonly isEnabled: boolean;
  readonly cron: boolean;
  /** Null for every hour. */
  readonly cronExpression: string | null;
  readonly tuning: Readonly<Record<string, DetectorTuning>>;
  /** All that are on, as they are to be. */
  readonly detectors: readonly (Detector | LogDetector)[];
}

export const DETECTION_SETTINGS = token<DetectionSettings>('detection-settings');

/**
 * Fills in the defaults of options that have passed {@link DETECTION_CHECKS}.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` where a detector is tuned that there is not, `IPT_INVALID_OPTION` where one
 * of those that only flag is to do more.
 */
export function detectionSettings(given: false | DetectionOptions | undefined): DetectionSettings {
  const { tuning, detectors, cron, ...others } = filled(given || {}, DETECTION_DEFAULTS);
  return {
    ...others,
    isEnabled: given !== false,
    cron: cron !== false,
    cronExpression: typeof cron === 'string' ? cron : null,
    tuning,
    detectors: tunedDetectors({
      requestsPerHour: others.requestsPerHour,
      tuning,
      detectors,
    }),
  };
}
