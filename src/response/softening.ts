import type { ClientFacts, UserFacts } from './client-facts.js';
import type { Response } from './response.js';
import type { ResponseFinding } from '../detection/response-finding.js';

const HOUR_MS = 3_600_000;

/** From so many user agents on that load pages within an hour, an address is taken for a crowd behind one. */
const CROWD_AGENTS = 5;
/** More users than these, who sign in from an address and are known, make it a place where people are. */
const CROWD_USERS = 3;
/** How many sign-ins succeed there for one that fails: beside a guesser, people are few. */
const SUCCESSES_PER_FAILURE = 5;
/** How many different paths a page can make a visitor ask for before that is more than one bad link. */
const INDUCED_PATHS = 3;
/** How long a visitor is limited for what a page made them ask. */
const INDUCED_LIMIT_MS = HOUR_MS;
/** How long a pardon protects from the next ban. */
export const GRACE_MS = HOUR_MS;

/** Why a response is milder than it could be. */
export type SofteningCode =
  | 'pardoned'
  | 'grace'
  | 'protected'
  | 'verified-crawler'
  | 'unverified-crawler'
  | 'induced'
  | 'many-agents'
  | 'known-users'
  | 'banned-already';

/** One reason to do no more than `response`. */
export interface Softening {
  /** `none`: the finding does not count at all. */
  readonly response: Response | 'none';
  readonly code: SofteningCode;
  /** For people; what it says is about the client. */
  readonly reason: string;
  /** How long a limit lasts that follows from this, in milliseconds; undefined where it lasts as long as a ban would. */
  readonly limitMs?: number;
}

const PROTECTIONS = {
  'never-block': 'it is in the never-block network',
  'allow-rule': 'it is allowed by the rule',
  'trusted-proxy': 'it is a trusted proxy',
  'own-address': "it is an address of the app's own host",
  loopback: 'it is loopback',
  'likely-proxy': 'it is most likely a proxy that nobody declared,',
} as const;

/** Everything that speaks for a client, in the order in which people should hear of it. */
export function softenings(
  finding: ResponseFinding,
  client: ClientFacts,
  nowMs: number,
): Softening[] {
  return [
    ofPardon(finding, client, nowMs),
    ofProtection(client),
    ofCrawler(finding, client),
    ofInducement(finding),
    ofAgents(client),
    ofUsers(client.users),
    ofBan(client, nowMs),
  ].filter((softening) => softening !== null);
}

/** What was before a person's pardon never counts again, and they need not pardon the same client twice within an hour. */
function ofPardon(
  finding: ResponseFinding,
  { pardonedAtMs }: ClientFacts,
  nowMs: number,
): Softening | null {
  if (pardonedAtMs === null) return null;
  if (finding.firstSeenMs <= pardonedAtMs) {
    const reason = 'it was pardoned after this evidence, which does not count any more';
    return { response: 'none', code: 'pardoned', reason };
  }
  if (nowMs - pardonedAtMs >= GRACE_MS) return null;
  return { response: 'flag', code: 'grace', reason: 'it was pardoned within the last hour' };
}

function ofProtection({ protection }: ClientFacts): Softening | null {
  if (protection === null) return null;
  const reason = `${PROTECTIONS[protection.kind]} ${protection.network}`;
  return { response: 'flag', code: 'protected', reason };
}

/** One that could not be verified may be a real one while DNS is down: it is slowed for what no crawler asks, at most. */
function ofCrawler(finding: ResponseFinding, { crawler }: ClientFacts): Softening | null {
  if (crawler === 'verified') {
    return { response: 'flag', code: 'verified-crawler', reason: 'it is a verified crawler' };
  }
  if (crawler !== 'unknown') return null;
  return {
    response: finding.evidence.isGrave ? 'limit' : 'flag',
    code: 'unverified-crawler',
    reason: 'it claims to be a crawler, which could not be verified',
  };
}

/** A link or an image on anybody's page makes its visitors ask for `/.env`, and must not get them banned. */
function ofInducement({ evidence }: ResponseFinding): Softening | null {
  const { isPageFetch, isImageLike, hasSecondSignal, distinctPaths } = evidence;
  if (!isPageFetch && !(isImageLike && !hasSecondSignal)) return null;
  const what = isPageFetch
    ? 'a browser fetched it for a page'
    : 'it may have been an image on a page';
  return {
    response: distinctPaths >= INDUCED_PATHS ? 'limit' : 'flag',
    code: 'induced',
    reason: `${what}, which anybody may have written (${distinctPaths} different path${distinctPaths === 1 ? '' : 's'})`,
    limitMs: INDUCED_LIMIT_MS,
  };
}

function ofAgents({ agentsThatLoadPages }: ClientFacts): Softening | null {
  if (agentsThatLoadPages < CROWD_AGENTS) return null;
  const reason = `${agentsThatLoadPages} different user agents loaded pages from it within the hour`;
  return { response: 'limit', code: 'many-agents', reason };
}

function ofUsers({ knownUsers, successes, failures }: UserFacts): Softening | null {
  if (knownUsers <= CROWD_USERS || successes < SUCCESSES_PER_FAILURE * failures) return null;
  const reason = `${knownUsers} users who are known signed in from it, ${successes} times, with ${failures} failures`;
  return { response: 'limit', code: 'known-users', reason };
}

/** What one client did within one ban makes one ban, however many detectors saw it. */
function ofBan({ history, pardonedAtMs }: ClientFacts, nowMs: number): Softening | null {
  const isBanned = history.some(
    ({ action, startedAtMs, endsAtMs }) =>
      action === 'ban' &&
      startedAtMs <= nowMs &&
      nowMs < endsAtMs &&
      (pardonedAtMs === null || startedAtMs > pardonedAtMs),
  );
  return isBanned
    ? { response: 'flag', code: 'banned-already', reason: 'it is banned already' }
    : null;
}
