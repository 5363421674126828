import { IpTrackingError } from '../ip-tracking.errors.js';
import { didYouMean } from '../options/did-you-mean.js';
import type { Detector, LogDetector, SubjectKind } from './detector.js';
import { isLogDetector } from './detector-rule.js';
import { BUILT_IN } from './detectors/built-in.js';
import { keyOf, stronger, type Finding } from './finding.js';
import type { Exemption } from './suspicious-ip.repository.js';
import { tuned } from './tuned-detectors.js';

/** What to try on the request log. */
export interface ReplayOptions {
  /** The detector's name. */
  detector: string;
  /** The count at which it would fire, as `detection.tuning` takes it. @default the one in force */
  threshold?: number;
  /** From when on; the hour of the clock that it is in is looked at as a whole. */
  since: Date;
  /** By the detectors of the app that runs on this database, as it has announced them. @default false */
  asAnnounced?: boolean;
}

/** A subject that would have been flagged, or has been. */
export interface ReplayedSubject {
  subjectKind: SubjectKind;
  subject: string;
  reason: string;
  /** When what speaks against it was seen first, and last. */
  firstSeen: Date;
  lastSeen: Date;
  /** Whether somebody had signed in from there in that time; false for whoever is no client. */
  hasSignedIn: boolean;
  /** Why a finding would not have been kept; null where it would. */
  exemption: Exemption | null;
}

/** What a replay came to. */
export interface ReplayResult {
  detector: string;
  from: Date;
  to: Date;
  /** Found by both thresholds; by the one that was tried alone; by the one in force alone. */
  both: ReplayedSubject[];
  proposedOnly: ReplayedSubject[];
  inForceOnly: ReplayedSubject[];
}

/**
 * A detector as it is, and as it would be.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` for a name that is none, `IPT_INVALID_OPTION` for a threshold that it
 * cannot have.
 */
export function detectorsToReplay(
  detectors: readonly (Detector | LogDetector)[],
  { detector: name, threshold }: Pick<ReplayOptions, 'detector' | 'threshold'>,
): { inForce: Detector | LogDetector; proposed: Detector | LogDetector } {
  const names = detectors.map((one) => one.name);
  const inForce = detectors.find((one) => one.name === name);
  if (inForce === undefined) {
    const near = didYouMean(name, names);
    const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean ${near}?`;
    throw new IpTrackingError(
      'IPT_UNKNOWN_OPTION',
      `${JSON.stringify(name.slice(0, 64))} is no detector that is on: ${hint}`,
    );
  }
  if (threshold === undefined) return { inForce, proposed: inForce };
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > 1_000_000) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `threshold is ${threshold}: give a whole number from 1 to 1000000`,
    );
  }
  if (!isLogDetector(inForce)) {
    const [proposed = inForce] = tuned(inForce, { atLeast: threshold });
    return { inForce, proposed };
  }
  const make = BUILT_IN[name];
  if (make === undefined || name === 'sensitive-path') {
    throw new IpTrackingError('IPT_INVALID_OPTION', `${name} has no threshold that could be tried`);
  }
  return { inForce, proposed: make(threshold) };
}

/** Findings of many hours, each subject once. */
export class ReplayedFindings {
  private readonly found = new Map<string, Finding>();

  add(findings: readonly Finding[]): void {
    for (const finding of findings) {
      const key = keyOf(finding);
      const before = this.found.get(key);
      this.found.set(key, before === undefined ? finding : stronger(finding, before));
    }
  }

  has(finding: Finding): boolean {
    return this.found.has(keyOf(finding));
  }

  get all(): Finding[] {
    return [...this.found.values()].sort(
      (one, other) => one.firstSeen.getTime() - other.firstSeen.getTime(),
    );
  }
}
