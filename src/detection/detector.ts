import type { GeoCoordinates } from '../geo/coordinates.js';
import type { RequestOutcome } from '../signals/request-facts.js';
import type { SignalName } from '../signals/signal.js';

/** Whom a finding is about: a client, as limits count it (IPv6 by its /64), a user, or a route by its pattern. */
export type SubjectKind = 'client' | 'user' | 'route';

/** What may follow from a finding: `off`, and there is none; `flag`, and it is kept; beyond that the client is slowed down or shut out. */
export type DetectorResponse = 'off' | 'flag' | 'limit' | 'ban';

/** Which requests count. What is left out does not matter; what a stored rule has blocked never counts. */
export interface Match {
  /** It shows one of these signals. */
  readonly any?: readonly SignalName[];
  /** It shows none of these. A request that nobody has looked at counts for no rule that asks for signals. */
  readonly none?: readonly SignalName[];
  readonly outcomes?: readonly RequestOutcome[];
  readonly statuses?: readonly number[];
  /** `@Sensitive()`, or a sensitive path. */
  readonly isSensitive?: boolean;
}

/** What takes requests back that were counted: they count only if it does not happen. */
export interface Without {
  /** The signals that take them back. */
  readonly any: readonly SignalName[];
  /**
   * `user`: of the same client and the same attempted user, after the request: a failure of who did not then succeed
   * counts, whoever else has succeeded from there. `subject`: of anybody, before the request or after it.
   */
  readonly of: 'user' | 'subject';
  /** How long that may take, in milliseconds. It is decided when this time is over. */
  readonly withinMs: number;
}

/** One way in which a detector fires: so many requests of a kind within a window that slides. */
export interface DetectorRule {
  readonly counts: Match;
  /** It fires at so many. */
  readonly atLeast: number;
  /** Counts different paths, different attempted users or different clients instead of requests. */
  readonly distinct?: 'path' | 'user' | 'client';
  /** In milliseconds, up to a day. The window ends with each request that counts; its first millisecond belongs to it. */
  readonly windowMs: number;
  readonly without?: Without;
  /** A path does not count for whom it was asked by so many other clients within the window: that is a broken link. */
  readonly unlessMissedBy?: number;
  /** What a finding by this rule adds to the score of its subject. @default the detector's */
  readonly weight?: number;
  /** The most that may follow from a finding by this rule, and never more than its detector may. @default the detector's */
  readonly response?: DetectorResponse;
}

/** What was found by one rule about one subject: numbers for the words, and what people will want to see. */
export interface RuleFound {
  /** Which of the detector's rules it was. */
  readonly rule: number;
  /** The highest count within a window; no less than so many, where the watch stops counting. */
  readonly count: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** All signals of the requests that are known of. */
  readonly signals: readonly SignalName[];
  /** Those that every one of them has. */
  readonly commonSignals: readonly SignalName[];
  /** Some of the paths, ten at most. */
  readonly paths: readonly string[];
  /** Some of the user agents, five at most. */
  readonly agents: readonly string[];
  readonly methods: readonly string[];
  /** Some of the clients of a user or a route, a hundred at most. */
  readonly clients: readonly string[];
}

/** What a detector says of a finding. */
export interface Wording {
  /** A sentence for people, with its numbers. */
  readonly reason: string;
  /** What the finding adds to the score instead of its rule's weight. */
  readonly weight?: number;
}

/**
 * A detector as data: what counts, of whom, how much and within what. The watch runs it in memory, as requests end; the
 * scan runs it over the log, in SQL; both find the same. A host's own have all that the built-in ones have.
 */
export interface Detector {
  /** Lower case, digits and hyphens; findings are stored under it. */
  readonly name: string;
  /** Of whom requests are counted. */
  readonly of: SubjectKind;
  /** Any of them is enough. */
  readonly rules: readonly DetectorRule[];
  /** What a finding adds to the score of its subject, from 0 to 100; it fades over 30 days. */
  readonly weight: number;
  /** The most that may follow. @default 'flag' */
  readonly response?: DetectorResponse;
  /** How long a first ban for its findings lasts, in milliseconds. @default 4 hours */
  readonly firstBanMs?: number;
  /** Where it runs. @default 'both' */
  readonly runs?: 'both' | 'watch' | 'scan';
  /** Puts a finding into words. Must not throw. */
  words(found: RuleFound): Wording;
}

/** An hour of the log: `from` inclusive, `to` exclusive. */
export interface ScanWindow {
  readonly from: Date;
  readonly to: Date;
}

/** What a {@link LogDetector} has found. */
export interface LogFinding {
  /** Of a client as PostgreSQL gives it: an address, or the network of an IPv6 client. */
  readonly subject: string;
  readonly reason: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly weight?: number;
  /** One address of a client, and its user agents: where one claims to be a crawler, that is verified by them. */
  readonly address?: string | null;
  readonly agents?: readonly string[];
}

/** What a {@link LogDetector} asks the database. */
export interface LogQuery {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** What the query of a {@link LogDetector} can be made of: the parts that all detectors have in common. */
export interface LogTerms {
  /** The table, and which of its rows count: `from ${log} where ${counted} and ...`. */
  readonly log: string;
  readonly counted: string;
  /** The client of a row. */
  readonly client: string;
  /** When a row's request had ended: event time. */
  readonly endedAt: string;
  /** That a row shows one of some signals. */
  readonly shows: (...names: SignalName[]) => string;
  /** That a row is of a client, which is an expression: asked of the index of addresses. */
  readonly isOf: (client: string) => string;
  /**
   * The clients that the detector {@link LogDetector.suspects suspects}, with how often they did it: `client`, `times`.
   * Empty where it suspects nobody. To be read as `from ${suspects} as suspect`.
   */
  readonly suspects: string;
  /** Of the suspects' requests those that the detector {@link Suspects.requests reads}, with the columns of the log. */
  readonly requests: string;
  /** What the detector reads {@link LogDetector.evidence as evidence}: rows of the hour, with the columns of the log. */
  readonly evidence: string;
  /** How many clients have sent so many requests within the hour: `requests`, `clients`. */
  readonly population: string;
  /**
   * From where users were seen who came from more than one client within the hour and the one before it: `user_id`,
   * `client`, `address`, `first_seen`, `last_seen`.
   */
  readonly users: string;
}

/** What a {@link LogDetector} can ask of what is in no log. Nothing of it waits. */
export interface LogFacts {
  /** Where an address is; null where nobody knows. */
  coordinatesOf(address: string): GeoCoordinates | null;
}

/** The clients that a {@link LogDetector} looks at closely. */
export interface Suspects {
  /** Who has sent so many of these requests within the hour. */
  readonly counts: Match;
  readonly atLeast: number;
  /** Whether requests are of the hour that they began in, or of the one that they ended in. @default 'begin' */
  readonly by?: 'begin' | 'end';
  /** Which of their requests the query reads. @default none */
  readonly requests?: Match;
  /** So much before the hour their requests are read, in milliseconds. @default 0 */
  readonly beforeMs?: number;
}

/** A detector that needs the whole log (the population, a route's usual): SQL, and a pure judgement of its rows. */
export interface LogDetector {
  readonly name: string;
  readonly of: SubjectKind;
  readonly weight: number;
  readonly response?: DetectorResponse;
  /** How long a first ban for its findings lasts, in milliseconds. @default 4 hours */
  readonly firstBanMs?: number;
  /**
   * The clients that the query is about. All detectors' are counted in one pass over the log, so that none has to make one
   * of its own: the query reads `terms.suspects` and `terms.requests`. @default nobody
   */
  readonly suspects?: Suspects;
  /**
   * Signals that speak against their client, whose rows the query reads: of the hour as `terms.evidence`, of before it
   * from the log, by the index of evidence. @default none
   */
  readonly evidence?: readonly SignalName[];
  /** What to ask of an hour. */
  query(window: ScanWindow, terms: LogTerms): LogQuery;
  /** Judges the rows of the answer, each as the database gives it. */
  judge(
    rows: readonly Record<string, unknown>[],
    window: ScanWindow,
    facts: LogFacts,
  ): readonly LogFinding[];
}
