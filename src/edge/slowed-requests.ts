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
