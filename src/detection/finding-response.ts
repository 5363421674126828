import type { IpAddress } from '../net/ip-address.js';
import { token } from '../provide.js';
import type { LogRecord } from '../request-log/record/request-record.js';
import type { Detector, LogDetector, RuleFound } from './detector.js';
import type { Finding } from './finding.js';
import type { StoredFinding } from './suspicious-ip.repository.js';

/** A finding of the watch, at the moment at which it is made. */
export interface FreshFinding {
  readonly finding: Finding;
  readonly detector: Detector;
  readonly found: RuleFound;
  /** The address of its client, whatever is stored of it; null where that is not known any more. */
  readonly address: IpAddress | null;
  /** The user agent of the last request, as a whole. */
  readonly userAgent: string | null;
}

/** Where findings wait to be stored, and clients are counted. */
export interface FindingStore {
  /** Stores a finding as soon as it can be, whatever was stored of its subject before. */
  storeSoon(finding: Finding): void;
  /** Forgets what is counted and waits of clients, in every form in which they are counted. */
  forget(clients: readonly IpAddress[]): void;
}

/** Statements of a transaction. */
export interface Statements {
  query<Row>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/** What follows from findings. Its methods must neither throw nor wait, but for those that say so. */
export interface FindingResponse {
  /** Told once, before anything else, where findings go. */
  serve(store: FindingStore): void;
  /** A request has ended that counts; told before anything is found by it. */
  ended(record: LogRecord): void;
  /** The watch has found something. @returns the finding where something follows, for which it is to be stored at once. */
  found(fresh: FreshFinding): Finding | null;
  /** The scan has stored what it found, and its transaction is over. */
  scanned(stored: readonly StoredFinding[], detectors: readonly (Detector | LogDetector)[]): void;
  /**
   * Findings are being stored: stores what follows from them in the same transaction.
   *
   * @returns what to do once it is committed.
   */
  write(
    statements: Statements,
    findings: readonly Finding[],
    stored: readonly StoredFinding[],
  ): Promise<() => Promise<void>>;
}
export const FINDING_RESPONSE = token<FindingResponse | null>('finding-response');
