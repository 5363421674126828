import type { AccessLogReport } from './access-log/access-log-report.js';

/** The version of the shape of a {@link Judgement} as JSON. Fields may be added to it, and none goes. */
export const JUDGEMENT_VERSION = 1;

/** What judging does to whom it finds: nothing, or what bans would have done. */
export type JudgeMode = 'flag' | 'ban';

/** How sure it is that a client is hostile. */
export type Certainty = 'sure' | 'likely' | 'doubtful';

/** One client against whom there is something. */
export interface JudgedClient {
  /** An address, or the /64 of an IPv6 client. */
  readonly ipAddress: string;
  readonly detectors: readonly string[];
  /** The weights of its findings, as they have faded by the end of the log. */
  readonly score: number;
  /** All its requests in the log. */
  readonly requests: number;
  /** Requests that a ban would have met; 0 in mode `flag`. */
  readonly refused: number;
  /** The same if there was no bound on the number of bans. */
  readonly refusedWithoutBudget: number;
  readonly firstFindingAt: Date;
  /** When it would have been banned first; null where it would not have been. */
  readonly bannedFrom: Date | null;
  /** One for each detector. */
  readonly reasons: readonly string[];
  readonly certainty: Certainty;
  /** Why there is doubt; empty where there is none. */
  readonly doubts: readonly string[];
}

/** A detector that did not run, and why. */
export interface DetectorNotRun {
  readonly name: string;
  readonly why: string;
}

/** What judging a log came to. */
export interface Judgement {
  readonly mode: JudgeMode;
  readonly log: AccessLogReport;
  /** The first request and the last; null for a log without any. */
  readonly from: Date | null;
  readonly to: Date | null;
  /** Requests that were judged, and their clients. */
  readonly requests: number;
  readonly clientCount: number;
  readonly detectorsRun: readonly string[];
  readonly detectorsNotRun: readonly DetectorNotRun[];
  /** What the log could not say, and was taken for granted. */
  readonly assumptions: readonly string[];
  /** Those against whom there is something, the highest score first. */
  readonly clients: readonly JudgedClient[];
  /** Bans that the budget had no room for. */
  readonly bansOverBudget: number;
  /** Findings about crawlers that are verified, which do not count. */
  readonly crawlersSpared: number;
}

/** A judgement as one JSON document. */
export function judgementJson({ log, detectorsNotRun, clients, ...others }: Judgement): object {
  return {
    schemaVersion: JUDGEMENT_VERSION,
    lines: log.lines,
    badLines: log.badLines,
    mode: others.mode,
    from: others.from,
    to: others.to,
    requests: others.requests,
    clientCount: others.clientCount,
    detectorsRun: others.detectorsRun,
    detectorsNotRun: detectorsNotRun.map(({ name }) => name),
    assumptions: others.assumptions,
    bansOverBudget: others.bansOverBudget,
    clients,
  };
}
