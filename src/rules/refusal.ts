import { customRefusal, plainRefusal, type CustomRefusal } from '../edge/custom-refusal.js';
import type { DecisionReason } from '../edge/decision.js';
import type { RefusalResponse } from '../edge/refusal-response.js';

/** A request that was refused by a rule of this module. Everything in it may be hostile but the rule. */
export interface BlockedRequest {
  ipAddress: string | null;
  ipSource: string;
  method: string;
  /** The request's target as it came. */
  url: string;
  /** Why: `rule`, `mode`, `country`, or `decorator`. */
  reason: DecisionReason;
  /** The stored rule that refused it; null for every other reason. */
  ruleId: number | null;
  country: string | null;
  city: string | null;
}

/** Makes the answer to one refused client. It must not block; where it throws, the plain 403 is sent. */
export type RefusalFactory = (blocked: BlockedRequest) => CustomRefusal;

/** What a refused client gets when the host does not say otherwise. */
export const PLAIN_REFUSAL: RefusalResponse = { ...plainRefusal(403), hasPlainHeaders: true };

/** The answer to a refused client. It says nothing about rules, lists or reasons unless the host does. */
export function refusalOf(
  factory: RefusalFactory | null,
  blocked: BlockedRequest,
): RefusalResponse {
  return customRefusal(factory, blocked, PLAIN_REFUSAL);
}
