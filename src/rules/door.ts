import type { RequestContext } from '../edge/request-context.js';
import type { RefusalResponse } from '../edge/request-edge.js';
import type { LiveRules } from './live-rules.js';

const BODY = JSON.stringify({ statusCode: 403, message: 'Forbidden' });

/** What a refused client gets: nothing about rules, lists or reasons. */
export const FORBIDDEN: RefusalResponse = Object.freeze({
  status: 403,
  headers: Object.freeze({
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(BODY)),
  }),
  body: BODY,
});

/** Where the rules meet a request: at the edge for every path, and once more in the guard. */
export class Door {
  constructor(
    private readonly rules: LiveRules,
    private readonly isEnabled: boolean,
  ) {}

  /** Judges a client by the stored rules and notes on the context what they said. True to refuse. */
  refuses(context: RequestContext): boolean {
    context.isJudged = true;
    if (!this.isEnabled) return false;
    const decision = this.rules.decide(context.client.ip);
    const isRefused = decision.action === 'block';
    context.ruleId = isRefused ? decision.ruleId : decision.monitorRuleId;
    return isRefused;
  }

  /** Whether a stored allow rule names the client. */
  isAllowlisted(context: RequestContext): boolean {
    const { ip } = context.client;
    return ip !== null && this.rules.match(ip).allow !== null;
  }

  /** What a refused client gets. */
  refusal(_context: RequestContext): RefusalResponse {
    return FORBIDDEN;
  }
}
