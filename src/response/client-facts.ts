import type { CrawlerVerdict } from '../detection/crawlers/crawler-check.js';
import type { Protection } from './protected-networks.js';

/** What is known of the client that a finding is about. */
export interface ClientFacts {
  /** What it may not be banned for, from {@link ProtectedNetworks}; null where nothing protects it. */
  readonly protection: Protection | null;
  /** What became of its claim to be a crawler. */
  readonly crawler: CrawlerVerdict;
  /** How many different user agents loaded pages, with what belongs to them, from it within the last hour. */
  readonly agentsThatLoadPages: number;
  readonly users: UserFacts;
  /** The bans and limits of its network that are remembered, in any order. */
  readonly history: readonly PastBan[];
  /** Epoch milliseconds of the last time that somebody lifted its ban; null for never. */
  readonly pardonedAtMs: number | null;
}

/** Who has signed in from an address within the last hour. */
export interface UserFacts {
  /**
   * How many users succeeded who have been known for a day: an account that the client has made for itself today says
   * nothing for it.
   */
  readonly knownUsers: number;
  /** Sign-ins of these users that succeeded. */
  readonly successes: number;
  /** Sign-ins that failed, of anybody. */
  readonly failures: number;
}

/** A ban or limit that was made. */
export interface PastBan {
  readonly action: 'ban' | 'limit';
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** Epoch milliseconds; when it was lifted, where that was sooner. */
  readonly endsAtMs: number;
}

/** A client of which nothing is known. */
export const UNKNOWN_CLIENT: ClientFacts = Object.freeze({
  protection: null,
  crawler: 'none',
  agentsThatLoadPages: 0,
  users: Object.freeze({ knownUsers: 0, successes: 0, failures: 0 }),
  history: Object.freeze([]),
  pardonedAtMs: null,
});
