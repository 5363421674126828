import { validateCronExpression } from 'cron';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { parsePrefix, type Prefix } from '../net/prefix.js';
import { checkObject, invalid, oneOf, wholeNumber, flag, type Check } from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import { token } from '../provide.js';
import { checkDetectors } from './detector-checks.js';
import type { NameResolver } from './crawlers/crawler-check.js';
import type { Detector, DetectorResponse, LogDetector } from './detector.js';
import type { ResponseFinding } from './response-finding.js';
import { tunedDetectors, type DetectorTuning } from './tuned-detectors.js';

/** What may follow from findings: one answer for all, or a function that gives one for each. */
export type FindingCeiling =
  | Exclude<DetectorResponse, 'off'>
  | { response(finding: ResponseFinding): Exclude<DetectorResponse, 'off'> }['response'];

/** Who looks for attackers: the watch, as requests end, and the scan, over the log. */
export interface DetectionOptions {
  /** Requests within an hour beyond which a client is flagged by `request-volume`. @default 100 */
  requestsPerHour?: number;
  /** Run the scan in this process: every hour, or when a cron expression (in UTC) says so. @default true */
  cron?: boolean | string;
  /**
   * The most that may follow from any finding, or a function that says it for each, which must not block: with `flag` it is
   * kept, with `limit` its client may make a request a second or so, with `ban` it gets 403 for some hours. A detector may
   * do less by itself, and much speaks for a client: docs/response.md. While it is `flag`, a line a day says what `ban`
   * would have done.
   *
   * @default 'flag'
   */
  response?: FindingCeiling;
  /** Addresses and networks whose clients are never limited or banned. @default none */
  neverBlock?: string[];
  /**
   * Store the rules of bans, which name the real address, also where `privacy.address` is not `full`. Otherwise bans are
   * then held in the process that made them, and nowhere else.
   *
   * @default false
   */
  storeBannedAddresses?: boolean;
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
  neverBlock: [],
  storeBannedAddresses: false,
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
    firstBanMs: wholeNumber(1_000, 7 * 86_400_000),
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
  response: (path, value) => {
    if (typeof value !== 'function') oneOf('flag', 'limit', 'ban')(path, value);
  },
  neverBlock: (path, value) => void networksOf(path, value),
  storeBannedAddresses: flag,
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
  'tuning' | 'detectors' | 'cron' | 'neverBlock' | 'response'
> {
  readonly response: FindingCeiling;
  readonly neverBlock: readonly Prefix[];
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
  const { tuning, detectors, cron, neverBlock, response, ...others } = filled(
    given || {},
    DETECTION_DEFAULTS,
  );
  return {
    ...others,
    response,
    neverBlock: networksOf('detection.neverBlock', neverBlock),
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

/** @throws IpTrackingError `IPT_INVALID_OPTION` where something is to follow from findings and no rules are followed. */
export function checkResponse(
  { response }: DetectionSettings,
  rules: { readonly isEnabled: boolean },
): void {
  if (response === 'flag' || rules.isEnabled) return;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    "rules is false, but bans and limits are rules: leave rules on, or detection.response at 'flag'.",
  );
}

function networksOf(path: string, given: unknown): Prefix[] {
  if (!Array.isArray(given))
    invalid(path, given, "give a list of networks, such as ['192.0.2.0/24']");
  return (given as unknown[]).map((text, index) => {
    const prefix = parsePrefix(text as string);
    if (prefix === null) {
      invalid(`${path}[${index}]`, text, 'give an address or a network, such as 192.0.2.0/24');
    }
    return prefix;
  });
}
