import { validateCronExpression } from 'cron';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { checkObject, invalid, oneOf, wholeNumber, flag, type Check } from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import { didYouMean } from '../options/did-you-mean.js';
import { token } from '../provide.js';
import { checkDetectors } from './detector-checks.js';
import type { Detector, DetectorResponse, LogDetector } from './detector.js';
import { BUILT_IN, FLAGS_AT_MOST } from './detectors/built-in.js';
import { isLogDetector } from './detector-rule.js';

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
  /** Detectors of the host's own. @default none */
  detectors?: (Detector | LogDetector)[];
}

/** How one detector differs from what it is. */
export interface DetectorTuning {
  /** The count at which it fires; where it has several rules that of the first, and the others in proportion. */
  atLeast?: number;
  /** What a finding adds to the score of its subject, from 0 to 100; where it has several rules the others in proportion. */
  weight?: number;
  /** The most that may follow from its findings; `off`, and it finds nothing. */
  response?: DetectorResponse;
}

/** What each of {@link DetectionOptions} is where it is left out. */
export const DETECTION_DEFAULTS = {
  requestsPerHour: 100,
  cron: true,
  response: 'flag',
  watch: true,
  watchMaxBytes: 150_000_000,
  tuning: {},
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
    if (!validateCronExpression(value as string).valid) {
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
    for (const [name, tuning] of Object.entries(value as object)) {
      checkTuning(`${path}.${name}`, tuning);
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
  const own = detectors as readonly (Detector | LogDetector)[];
  checkNames(tuning, [...Object.keys(BUILT_IN), ...own.map(({ name }) => name)]);
  const built = Object.entries(BUILT_IN).map(([name, make]) =>
    make(name === 'request-volume' ? others.requestsPerHour : tuning[name]?.atLeast),
  );
  return {
    ...others,
    isEnabled: given !== false,
    cron: cron !== false,
    cronExpression: typeof cron === 'string' ? cron : null,
    detectors: [...built, ...own].flatMap((detector) => tuned(detector, tuning[detector.name])),
  };
}

function checkNames(tuning: Record<string, DetectorTuning>, names: readonly string[]): void {
  for (const [name, { response, atLeast }] of Object.entries(tuning)) {
    const path = `detection.tuning.${name}`;
    if (!names.includes(name)) {
      const near = didYouMean(name, names);
      throw new IpTrackingError(
        'IPT_UNKNOWN_OPTION',
        near === undefined
          ? `${path} is no detector. There are: ${names.join(', ')}.`
          : `${path} is no detector. Did you mean detection.tuning.${near}?`,
      );
    }
    if (FLAGS_AT_MOST.has(name) && (response === 'limit' || response === 'ban')) {
      invalid(`${path}.response`, response, "give 'off' or 'flag': it names too many by mistake");
    }
    if (name === 'request-volume' && atLeast !== undefined) {
      invalid(`${path}.atLeast`, atLeast, 'give detection.requestsPerHour instead');
    }
  }
}

/** A detector as a host wants it; none where it is off. */
function tuned(
  detector: Detector | LogDetector,
  tuning: DetectorTuning = {},
): (Detector | LogDetector)[] {
  const { weight = detector.weight, response = detector.response } = tuning;
  if (response === 'off') return [];
  const changed = { weight, ...(response === undefined ? {} : { response }) };
  if (isLogDetector(detector)) return [{ ...detector, ...changed }];
  const first = detector.rules[0]!.atLeast;
  const heavier = detector.weight === 0 ? 1 : weight / detector.weight;
  const rules = detector.rules.map((rule) => ({
    ...rule,
    atLeast:
      tuning.atLeast === undefined
        ? rule.atLeast
        : Math.ceil((rule.atLeast * tuning.atLeast) / first),
    ...(rule.weight === undefined ? {} : { weight: Math.min(100, rule.weight * heavier) }),
  }));
  return [{ ...detector, ...changed, rules }];
}
