import { corsOf } from './asked-cors.js';
import type { Arrival } from './edge-policy.js';
import { askCors, withCors } from './host-cors.js';
import {
  sendable,
  withBodyUnread,
  type Refusal,
  type RefusalResponse,
} from './refusal-response.js';

/**
 * The answer to a request that a limit refuses, a rule's or a route's, with the headers that let its page read it.
 *
 * @param limited what the limit says of it.
 * @param next what else may refuse it, where the limit does not.
 */
export async function answerLimited(
  arrival: Arrival,
  limited: NonNullable<Refusal>,
  next: () => Promise<RefusalResponse | null> | null,
): Promise<RefusalResponse | null> {
  const refusal = await limited;
  if (refusal === null) return (await next()) ?? null;
  const cors = corsOf(arrival);
  const said = cors === null ? null : await askCors(cors, arrival);
  return withBodyUnread(arrival.raw, withCors(sendable(refusal), said));
}
