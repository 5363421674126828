import type { Detector } from '../detection/detector.js';
import { isLogDetector } from '../detection/detector-rule.js';
import { loginOnlyAsItComes } from '../detection/detectors/login-only.js';
import { tunedDetectors, type DetectorTuning } from '../detection/tuned-detectors.js';
import type { DetectorNotRun } from './judgement.js';

/** Why detectors that read the whole request log do not judge an access log. */
const NEEDS: Readonly<Record<string, string>> = {
  'request-volume':
    'counts by the hour in the request log, and tells crawlers and owners rather than attackers',
  'sensitive-path': 'needs to know which routes are sensitive',
  'auth-campaign': "needs seven days of a route's own failures in the request log",
  'unusual-volume': "needs what is usual of the site in the request log's hourly figures",
  'impossible-travel': 'needs to know who was signed in',
  'many-users': 'needs to know whose sign-in failed',
  'many-networks': 'needs to know who was signed in',
  'fake-crawler': 'needs DNS: give --dns',
};

/** The detectors that judge a log, and those that do not. */
export interface JudgeDetectors {
  readonly detectors: readonly Detector[];
  readonly notRun: readonly DetectorNotRun[];
}

/**
 * The detectors of the watch, as they are or as they are tuned.
 *
 * @throws IpTrackingError as `tunedDetectors`.
 */
export function judgeDetectors(
  tuning: Readonly<Record<string, DetectorTuning>>,
  asksDns: boolean,
): JudgeDetectors {
  const detectors: Detector[] = [];
  const notRun: DetectorNotRun[] = [];
  for (const detector of tunedDetectors({ requestsPerHour: 100, tuning, detectors: [] })) {
    if (!isLogDetector(detector) && detector.runs !== 'scan') detectors.push(detector);
    else if (detector.name === 'login-only') {
      const { weight, response } = detector;
      const seen = loginOnlyAsItComes(tuning['login-only']?.atLeast);
      detectors.push({ ...seen, weight, ...(response === undefined ? {} : { response }) });
    } else {
      notRun.push({
        name: detector.name,
        why: NEEDS[detector.name] ?? 'needs the request log',
      });
    }
  }
  if (!asksDns) notRun.push({ name: 'fake-crawler', why: NEEDS['fake-crawler']! });
  return { detectors, notRun };
}
