/**
 * What became of a request: `blocked` by a rule of ours, `throttled` by a limit of ours, `unmatched` for no route,
 * `refused` with 401 or 403 by someone else, `aborted` because the client left, `failed` for 5xx or a broken stream,
 * else `served`, a handler's other 4xx included.
 */
export type Outcome =
  'blocked' | 'throttled' | 'unmatched' | 'refused' | 'aborted' | 'failed' | 'served';

/** What is known of a response when it has closed. */
export interface ResponseFacts {
  /** What this module refused the request for, if it did. */
  refusal: 'blocked' | 'throttled' | null;
  status: number;
  /** A route matched. */
  isMatched: boolean;
  /** The whole response was handed to the operating system. */
  isComplete: boolean;
  /** The client ended or reset its connection. */
  hasClientLeft: boolean;
}

/** Judges a closed response. A refusal stays one, even if the client did not wait for it. */
export function outcomeOf(facts: ResponseFacts): Outcome {
  if (facts.refusal !== null) return facts.refusal;
  if (!facts.isComplete) return facts.hasClientLeft ? 'aborted' : 'failed';
  if (facts.status >= 500) return 'failed';
  if (facts.status === 401 || facts.status === 403) return 'refused';
  if (facts.status === 404 && !facts.isMatched) return 'unmatched';
  return 'served';
}
