import { askCors, withCors } from './host-cors.js';
import { corsOf } from './asked-cors.js';
import type { Arrival, EdgePolicy } from './edge-policy.js';
import {
  sendable,
  withBodyUnread,
  type Refusal,
  type RefusalResponse,
} from './refusal-response.js';
import type { RequestContext } from './request-context.js';

/**
 * Counts a request whose client a limit rule names, once. One that a limit of a route refuses as well has been counted by
 * then: a rule holds anywhere.
 *
 * @returns what to answer instead of letting it pass, or null; a promise of either where the counters are elsewhere.
 */
export function countSlowed(
  context: RequestContext,
  { slows }: Pick<EdgePolicy, 'slows'>,
): Refusal {
  if (context.decision?.action !== 'limit' || context.isCountedByRule) return null;
  context.isCountedByRule = true;
  return slows(context);
}

/**
 * The answer to a request that a limit rule refuses, with the headers that let its page read it.
 *
 * @param next what else may refuse it, where the rule does not.
 */
export async function answerSlowed(
  arrival: Arrival,
  slowed: NonNullable<Refusal>,
  next: () => Promise<RefusalResponse | null> | null,
): Promise<RefusalResponse | null> {
  const refusal = await slowed;
  if (refusal === null) return (await next()) ?? null;
  const cors = corsOf(arrival);
  const said = cors === null ? null : await askCors(cors, arrival);
  return withBodyUnread(arrival.raw, withCors(sendable(refusal), said));
}
