import type { Decision, DecisionReason } from '../edge/decision.js';
import { HELD_RULE } from './held-rules.js';

/** What the module does where no rule speaks: let everyone in, or only who is listed. */
export type RuleMode = 'blocklist' | 'allowlist';

/** What happens to clients while no rules are known: `open` lets in whom nothing else refuses, `closed` nobody. */
export type WithoutRules = 'open' | 'closed';

/** What the module is configured to do, beside the stored rules. */
export interface RulePolicy {
  mode: RuleMode;
  /** Countries that are refused; null for none. */
  blockCountries: ReadonlySet<string> | null;
  /** The only countries that are not refused; null for all. */
  allowCountries: ReadonlySet<string> | null;
}

/** The ids of the live rules that match one address, the longest prefix of each action; null where none does. */
export interface MatchedRules {
  allow: number | null;
  block: number | null;
  limit: number | null;
  monitor: number | null;
}

/** For a client without an address: no rule names it, so the mode decides. */
export const NO_RULES: MatchedRules = Object.freeze({
  allow: null,
  block: null,
  limit: null,
  monitor: null,
});

/**
 * The whole policy. Allow beats block beats limit beats the default, whatever the lengths of the prefixes; a country only
 * refuses, and an unknown one (null) is on no list. A limit takes nobody in whom the countries or the mode refuse.
 */
export function decide(
  { allow, block, limit, monitor }: MatchedRules,
  country: string | null,
  { mode, blockCountries, allowCountries }: RulePolicy,
): Decision {
  if (allow !== null) return decision('allow', 'rule', allow, monitor);
  if (block !== null) return decision('block', 'rule', block, monitor);
  if (isOn(blockCountries, country)) return decision('block', 'country', null, monitor);
  if (allowCountries !== null && !isOn(allowCountries, country)) {
    return decision('block', 'country', null, monitor);
  }
  if (mode === 'allowlist') return decision('block', 'mode', null, monitor);
  if (limit !== null) return decision('limit', 'rule', limit, monitor);
  return decision('allow', 'mode', null, monitor);
}

/** The policy while no rules are known. A country refuses all the same: it is in the options; and so does a ban of this process. */
export function decideWithoutRules(
  withoutRules: WithoutRules,
  country: string | null,
  policy: RulePolicy,
  held: MatchedRules = NO_RULES,
): Decision {
  if (withoutRules === 'closed') return decision('block', 'no-rules', null, null);
  return decide(held, country, { ...policy, mode: 'blocklist' });
}

function isOn(list: ReadonlySet<string> | null, country: string | null): boolean {
  return list !== null && country !== null && list.has(country);
}

function decision(
  action: Decision['action'],
  reason: DecisionReason,
  ruleId: number | null,
  monitorRuleId: number | null,
): Decision {
  return { action, reason, ruleId: ruleId === HELD_RULE ? null : ruleId, monitorRuleId };
}
