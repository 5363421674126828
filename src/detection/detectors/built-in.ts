import type { Detector, LogDetector } from '../detector.js';
import { authCampaignDetector } from './auth-campaign.js';
import { authFailuresDetector } from './auth-failures.js';
import { burstDetector } from './burst.js';
import { FAKE_CRAWLER } from './fake-crawler.js';
import { loginOnlyDetector } from './login-only.js';
import { impossibleTravelDetector } from './impossible-travel.js';
import { malformedDetector } from './malformed.js';
import { manyNetworksDetector } from './many-networks.js';
import { manyUsersDetector } from './many-users.js';
import { notFoundDetector } from './not-found.js';
import { openProxyDetector } from './open-proxy.js';
import { payloadDetector } from './payload.js';
import { probePathDetector } from './probe-path.js';
import { requestVolumeDetector } from './request-volume.js';
import { sensitivePathDetector } from './sensitive-path.js';
import { unusualVolumeDetector } from './unusual-volume.js';

/** The detectors that are shipped, each as it is unless a host says otherwise; `atLeast` is for those that read the log by a query of their own. */
export const BUILT_IN: Record<string, (atLeast: number | undefined) => Detector | LogDetector> = {
  'request-volume': (limit = 100) => requestVolumeDetector(limit),
  'sensitive-path': sensitivePathDetector,
  'probe-path': probePathDetector,
  payload: payloadDetector,
  'not-found': notFoundDetector,
  'auth-failures': authFailuresDetector,
  burst: burstDetector,
  'open-proxy': openProxyDetector,
  malformed: malformedDetector,
  'login-only': loginOnlyDetector,
  'auth-campaign': authCampaignDetector,
  'unusual-volume': unusualVolumeDetector,
  'impossible-travel': impossibleTravelDetector,
  'many-users': manyUsersDetector,
  'many-networks': manyNetworksDetector,
};

/** What names people who did nothing wrong too often to do more to them than to write it down. */
export const FLAGS_AT_MOST: ReadonlySet<string> = new Set([
  'request-volume',
  'sensitive-path',
  FAKE_CRAWLER,
  'impossible-travel',
]);
