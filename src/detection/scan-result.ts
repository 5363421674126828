import type { ScanWindow } from './detector.js';
import type { Exemption, StoredFinding } from './suspicious-ip.repository.js';

/** What a scan found. */
export interface ScanResult {
  /** The hours that were judged, as one stretch: the first of them, and the last. */
  window: ScanWindow;
  /** How many hours were judged, late ones included. */
  hours: number;
  /** What was found, 10,000 of it at most; all of it is stored. */
  findings: StoredFinding[];
  /** Findings about whom there is a reason not to keep any, by that reason. */
  exempted: Partial<Record<Exemption, number>>;
  /** Where it was a scan {@link ScanOptions.asAnnounced as announced}: by which app's detectors. */
  announced?: AnnouncedBy;
}

/** How to scan. */
export interface ScanOptions {
  /**
   * By the detectors of the app that runs on this database, as it has announced them, instead of this process' own; by
   * these where no app has. For programs beside the app. @default false
   */
  asAnnounced?: boolean;
}

/** By which app's detectors somebody else has looked. */
export interface AnnouncedBy {
  /** When the app has said last how its detectors are; null where none has, and those of this process were run. */
  at: Date | null;
  /** The app's own detectors with a query of their own, which nobody else can run. */
  notRun: string[];
}

/** How a scan has ended. */
export interface ScanStatus {
  startedAt: Date;
  /** How many findings it has stored, known ones included. */
  findings: number;
  /** Findings about whom there is a reason not to keep any, by that reason. */
  exempted: Partial<Record<Exemption, number>>;
  /** Why it failed; null where it has not. */
  error: string | null;
}
