import { tellHost } from '../edge/host-hook.js';
import type { RequestContext } from '../edge/request-context.js';
import type { RefusalResponse } from '../edge/refusal-response.js';
import {
  decide,
  decideWithoutRules,
  NO_RULES,
  type RulePolicy,
  type WithoutRules,
} from './decide.js';
import type { LiveRules } from './live-rules.js';
import type { BlockedRequest, RefusalFactory } from './refusal.js';
import { PLAIN_REFUSAL, refusalOf } from './refusal.js';

/** What a {@link Door} needs besides the rules. */
export interface DoorOptions {
  isEnabled: boolean;
  policy: RulePolicy;
  /** What happens to clients while no rules are known. */
  withoutRules: WithoutRules;
  /** The host's own answer to a refused client; null for the plain 403. */
  refusal: RefusalFactory | null;
  /** Told of every refusal; what it throws or rejects with is swallowed. */
  onBlocked: ((blocked: BlockedRequest) => unknown) | null;
}

/** Where the rules meet a request: at the edge for every path, and once more in the guard. */
export class Door {
  private readonly usesCountries: boolean;

  constructor(
    private readonly rules: LiveRules,
    private readonly options: DoorOptions,
  ) {
    const { blockCountries, allowCountries } = options.policy;
    this.usesCountries = blockCountries !== null || allowCountries !== null;
  }

  /** Judges a client by the stored rules and the mode, and notes on the context what they said. True to refuse. */
  refuses(context: RequestContext): boolean {
    context.admission = 'admitted';
    if (!this.options.isEnabled) return false;
    const { policy, withoutRules } = this.options;
    const { ip } = context.client;
    // A place costs a look-up, so it is looked up only where a country can decide.
    const country = this.usesCountries ? context.locate().country : null;
    const matched = ip === null ? NO_RULES : this.rules.match(ip);
    context.decision = this.rules.isKnown
      ? decide(matched, country, policy)
      : decideWithoutRules(withoutRules, country, policy, matched);
    if (context.decision.action !== 'block') return false;
    context.admission = 'refused';
    return true;
  }

  /** Whether a stored allow rule names the client. */
  isAllowlisted(context: RequestContext): boolean {
    const { ip } = context.client;
    return ip !== null && this.rules.match(ip).allow !== null;
  }

  /** What a refused client gets. Called once for each refusal, which it also reports. */
  refusal(context: RequestContext): RefusalResponse {
    const { refusal, onBlocked } = this.options;
    if (refusal === null && onBlocked === null) return PLAIN_REFUSAL;
    const blocked = describe(context);
    tellHost(onBlocked, blocked);
    return refusalOf(refusal, blocked);
  }
}

function describe(context: RequestContext): BlockedRequest {
  const { country, city } = context.locate();
  return {
    ipAddress: context.client.ip?.toString() ?? null,
    ipSource: context.client.source,
    method: context.method,
    url: context.url,
    reason: context.decision?.reason ?? 'mode',
    ruleId: context.decision?.ruleId ?? null,
    country,
    city,
  };
}
