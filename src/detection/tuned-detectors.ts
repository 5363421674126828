import { IpTrackingError } from '../ip-tracking.errors.js';
import { invalid } from '../options/checks.js';
import { didYouMean } from '../options/did-you-mean.js';
import type { Detector, DetectorResponse, LogDetector } from './detector.js';
import { isLogDetector } from './detector-rule.js';
import { BUILT_IN, FLAGS_AT_MOST } from './detectors/built-in.js';
import { FAKE_CRAWLER, FAKE_CRAWLER_WEIGHT } from './detectors/fake-crawler.js';

/** How one detector differs from what it is. */
export interface DetectorTuning {
  /** The count at which it fires; where it has several rules that of the first, and the others in proportion. */
  atLeast?: number;
  /** What a finding adds to the score of its subject, from 0 to 100; where it has several rules the others in proportion. */
  weight?: number;
  /** The most that may follow from its findings; `off`, and it finds nothing. */
  response?: DetectorResponse;
  /** How long a first ban for its findings lasts, in milliseconds; up to 7 days. @default 4 hours, and an hour for `burst` */
  firstBanMs?: number;
}

/** What detectors are made of. */
export interface DetectorChoice {
  readonly requestsPerHour: number;
  readonly tuning: Readonly<Record<string, DetectorTuning>>;
  /** The host's own. */
  readonly detectors: readonly (Detector | LogDetector)[];
}

/**
 * The built-in detectors and a host's own that are on, as they are to be.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` where a detector is tuned that there is not, `IPT_INVALID_OPTION` where one
 * of those that only flag is to do more.
 */
export function tunedDetectors({
  requestsPerHour,
  tuning,
  detectors,
}: DetectorChoice): (Detector | LogDetector)[] {
  const names = [...Object.keys(BUILT_IN), FAKE_CRAWLER, ...detectors.map(({ name }) => name)];
  checkNames(tuning, names);
  const built = Object.entries(BUILT_IN).map(([name, make]) =>
    make(name === 'request-volume' ? requestsPerHour : tuning[name]?.atLeast),
  );
  return [...built, ...detectors].flatMap((detector) => tuned(detector, tuning[detector.name]));
}

function checkNames(
  tuning: Readonly<Record<string, DetectorTuning>>,
  names: readonly string[],
): void {
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
    if (name === FAKE_CRAWLER && atLeast !== undefined) {
      invalid(`${path}.atLeast`, atLeast, 'leave it out: it has no threshold');
    }
    if (name === 'request-volume' && atLeast !== undefined) {
      invalid(`${path}.atLeast`, atLeast, 'give detection.requestsPerHour instead');
    }
  }
}

/** A detector as a host wants it; none where it is off. */
export function tuned(
  detector: Detector | LogDetector,
  tuning: DetectorTuning = {},
): (Detector | LogDetector)[] {
  const { weight = detector.weight, response = detector.response } = tuning;
  if (response === 'off') return [];
  const { firstBanMs } = tuning;
  const changed = {
    weight,
    ...(response === undefined ? {} : { response }),
    ...(firstBanMs === undefined ? {} : { firstBanMs }),
  };
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

/** What a false claim to be a crawler weighs; null where it is no finding. */
export function fakeCrawlerWeight(tuning: Readonly<Record<string, DetectorTuning>>): number | null {
  const { weight = FAKE_CRAWLER_WEIGHT, response } = tuning[FAKE_CRAWLER] ?? {};
  return response === 'off' ? null : weight;
}
