import { isLogDetector } from './detector-rule.js';
import type {
  Detector,
  DetectorResponse,
  DetectorRule,
  LogDetector,
  SubjectKind,
} from './detector.js';
import { BUILT_IN } from './detectors/built-in.js';
import { FAKE_CRAWLER } from './detectors/fake-crawler.js';
import { countOf, firstOf, windowInWords } from './detectors/words.js';
import { tunedDetectors, type DetectorTuning } from './tuned-detectors.js';

/** How an app's detectors are, as far as that is data. */
export interface DetectorData {
  readonly requestsPerHour: number;
  readonly tuning: Readonly<Record<string, DetectorTuning>>;
  /** The host's own that are data, but for their words; what the tuning says of them is in them. */
  readonly own: readonly OwnDetector[];
  /** The names of the host's own that read the log by a query of their own. */
  readonly queries: readonly string[];
}

/** A detector of a host's own without its words. */
export interface OwnDetector {
  readonly name: string;
  readonly of: SubjectKind;
  readonly rules: readonly DetectorRule[];
  readonly weight: number;
  readonly response?: DetectorResponse;
  readonly runs?: Detector['runs'];
}

/** The detectors of a running app, for whoever is not that app. */
export interface AnnouncedDetectors {
  readonly detectors: readonly (Detector | LogDetector)[];
  /** Those that only the app itself can run. */
  readonly notRun: readonly string[];
  /** When an app said so last. */
  readonly announcedAt: Date;
}

/** What of an app's detectors is data. */
export function detectorData(
  requestsPerHour: number,
  tuning: Readonly<Record<string, DetectorTuning>>,
  detectors: readonly (Detector | LogDetector)[],
): DetectorData {
  const own = detectors.filter(({ name }) => !Object.hasOwn(BUILT_IN, name));
  return {
    requestsPerHour,
    tuning: Object.fromEntries(
      Object.entries(tuning).filter(
        ([name]) => Object.hasOwn(BUILT_IN, name) || name === FAKE_CRAWLER,
      ),
    ),
    own: own.filter((detector): detector is Detector => !isLogDetector(detector)).map(withoutWords),
    queries: own.filter(isLogDetector).map(({ name }) => name),
  };
}

/**
 * The detectors that some data is of. A host's own have general words here.
 *
 * @throws IpTrackingError where the data is of a version that has other detectors.
 */
export function detectorsOf({
  requestsPerHour,
  tuning,
  own,
}: DetectorData): (Detector | LogDetector)[] {
  const built = tunedDetectors({ requestsPerHour, tuning, detectors: [] });
  return [...built, ...own.map(withWords)];
}

function withoutWords({ name, of, rules, weight, response, runs }: Detector): OwnDetector {
  return {
    name,
    of,
    rules,
    weight,
    ...(response === undefined ? {} : { response }),
    ...(runs === undefined ? {} : { runs }),
  };
}

function withWords(data: OwnDetector): Detector {
  return {
    ...data,
    words: ({ rule, count, paths }) => {
      const { windowMs, distinct } = data.rules[rule]!;
      const what = countOf(count, distinct === undefined ? 'request' : `different ${distinct}`);
      return {
        reason: `${what} within ${windowInWords(windowMs)} that ${data.name} counts${firstOf(paths)}`,
      };
    },
  };
}
