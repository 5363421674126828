import type { Prefix } from '../net/prefix.js';
import { banLengthMs, FIRST_BAN_MS, FIRST_BAN_OF_DETECTOR_MS, recentBans } from './ban-length.js';
import { networkToBan } from './ban-network.js';
import type { ClientFacts, PastBan } from './client-facts.js';
import { durationInWords } from './duration-words.js';
import { isMilder, isResponse, type Response, type ResponseLevel } from './response.js';
import type { ResponseFinding } from '../detection/response-finding.js';
import { type Softening, softenings, type SofteningCode } from './softening.js';

/** What a host lets follow from findings: one ceiling for all, or one for each. */
export type ResponseCeiling = Response | ((finding: ResponseFinding) => Response);

/** What a response depends on besides the finding and its client. */
export interface ResponsePolicy {
  readonly ceiling: ResponseCeiling;
  /** What the finding's detector may do at most. */
  readonly level: ResponseLevel;
  /** How long a first ban of this detector lasts, in milliseconds. @default 4 hours, and an hour for `burst` */
  readonly firstBanMs?: number;
}

/** Why a response is what it is, for programs; `ban` means that nothing made it milder. */
export type OutcomeCode =
  | 'ban'
  | SofteningCode
  | 'detector-off'
  | 'detector-level'
  | 'ceiling'
  | 'ceiling-failed'
  | 'no-network'
  | 'budget';

/** A ban or limit to be made. */
export interface BanPlan {
  readonly action: 'ban' | 'limit';
  readonly network: Prefix;
  /** In milliseconds. */
  readonly lengthMs: number;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

/** What follows from a finding, and why. */
export interface Outcome {
  /** `none`: the finding itself does not count. */
  readonly response: Response | 'none';
  readonly code: OutcomeCode;
  /** For people. */
  readonly reason: string;
  /** What to make; null where the finding is only kept, or does not count. */
  readonly plan: BanPlan | null;
}

interface Bound {
  readonly response: Response | 'none';
  readonly code: OutcomeCode;
  readonly reason: string;
}

/** What {@link planResponse} is asked. */
export interface ResponseQuestion {
  readonly finding: ResponseFinding;
  readonly client: ClientFacts;
  readonly policy: ResponsePolicy;
}

/** Nothing is milder than a ban. */
const UNBOUND: Bound = { response: 'ban', code: 'ban', reason: '' };

/**
 * What follows from a finding, whatever made it: the mildest of what its detector may, what the host wants and what
 * speaks for the client. It only says so, and changes nothing.
 *
 * @param nowMs epoch milliseconds.
 * @param random as `Math.random`, for the length of a ban.
 */
export function planResponse(
  { finding, client, policy }: ResponseQuestion,
  nowMs: number,
  random: () => number,
): Outcome {
  const network = networkToBan(finding.subject);
  const soft = softenings(finding, client, nowMs);
  const bounds: Bound[] = [...ofNetwork(network), ...soft, ...ofPolicy(finding, policy)];
  const bound = mildest(bounds);
  const response = bound?.response ?? 'ban';
  if (response === 'none') return outcomeOf(response, bound!, null);
  if (response === 'flag' || network === null) return outcomeOf('flag', bound!, null);

  const history = sincePardon(client);
  const firstMs = policy.firstBanMs ?? FIRST_BAN_OF_DETECTOR_MS[finding.detector] ?? FIRST_BAN_MS;
  const banMs = banLengthMs(history, firstMs, nowMs, random);
  const lengthMs = response === 'limit' ? limitMs(soft, banMs) : banMs;
  const plan: BanPlan = { action: response, network, lengthMs, untilMs: nowMs + lengthMs };
  const bans = response === 'ban' ? recentBans(history, nowMs) + 1 : 0;
  return outcomeOf(response, bound ?? UNBOUND, plan, bans);
}

/** What a ban comes to for which the budget has no room: its finding is kept, and nothing else. */
export function overBudget(ban: Outcome): Outcome {
  const reason = 'as many clients have been banned within an hour as may be';
  return {
    response: 'flag',
    code: 'budget',
    reason: `flagged, and no more: ${reason}; else ${ban.reason}`,
    plan: null,
  };
}

function ofNetwork(network: Prefix | null): Bound[] {
  if (network !== null) return [];
  return [
    {
      response: 'flag',
      code: 'no-network',
      reason: 'only a single client is limited or banned, never a user, a route or a wider network',
    },
  ];
}

/** The detector's level speaks before the ceiling: it says more about the finding. */
function ofPolicy(finding: ResponseFinding, { level, ceiling }: ResponsePolicy): Bound[] {
  if (level === 'off') {
    return [{ response: 'none', code: 'detector-off', reason: `${finding.detector} is off` }];
  }
  const reason = `${finding.detector} may do no more`;
  return [{ response: level, code: 'detector-level', reason }, ofCeiling(finding, ceiling)];
}

function ofCeiling(finding: ResponseFinding, ceiling: ResponseCeiling): Bound {
  if (typeof ceiling !== 'function') {
    return { response: ceiling, code: 'ceiling', reason: `detection.response is '${ceiling}'` };
  }
  const given = answerOf(ceiling, finding);
  if (isResponse(given)) {
    return { response: given, code: 'ceiling', reason: `detection.response says '${given}'` };
  }
  const reason =
    "detection.response has failed for this finding: it must return 'flag', 'limit' or 'ban'";
  return { response: 'flag', code: 'ceiling-failed', reason };
}

/** A host's function that throws must not let findings go, nor ban. */
function answerOf(
  ceiling: (finding: ResponseFinding) => Response,
  finding: ResponseFinding,
): unknown {
  try {
    return ceiling(finding);
  } catch {
    return null;
  }
}

/** The first of the mildest; undefined where nothing is milder than a ban. */
function mildest(bounds: readonly Bound[]): Bound | undefined {
  let found: Bound | undefined;
  for (const bound of bounds) {
    if (bound.response === 'none') return bound;
    const current = (found?.response ?? 'ban') as Response;
    if (isMilder(bound.response, current)) found = bound;
  }
  return found;
}

/** What was before a pardon makes no later ban longer. */
function sincePardon({ history, pardonedAtMs }: ClientFacts): PastBan[] {
  return history.filter(({ startedAtMs }) => pardonedAtMs === null || startedAtMs > pardonedAtMs);
}

function limitMs(soft: readonly Softening[], banMs: number): number {
  return Math.min(banMs, ...soft.flatMap(({ limitMs }) => limitMs ?? []));
}

function outcomeOf(
  response: Response | 'none',
  { code, reason }: Bound,
  plan: BanPlan | null,
  bans = 0,
): Outcome {
  if (plan === null) {
    const what = response === 'none' ? 'does not count' : 'flagged, and no more';
    return { response, code, reason: `${what}: ${reason}`, plan };
  }
  const length = durationInWords(plan.lengthMs);
  if (plan.action === 'ban') {
    const which = bans === 1 ? 'its first ban' : `its ban number ${bans}`;
    return { response, code, reason: `banned for ${length}: ${which} within 30 days`, plan };
  }
  return { response, code, reason: `limited for ${length}: ${reason}`, plan };
}
