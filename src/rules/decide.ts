/** What the module does where no rule speaks: let everyone in, or only who is listed. */
export type RuleMode = 'blocklist' | 'allowlist';

/** The ids of the live rules that match one address, the longest prefix of each action; null where none does. */
export interface MatchedRules {
  allow: number | null;
  block: number | null;
  monitor: number | null;
}

/** The outcome for one request and the rule that made it. */
export interface Decision {
  action: 'allow' | 'block';
  /** `rule` for a stored rule, `mode` for the module's default, `no-address` for a peer without an address. */
  reason: 'rule' | 'mode' | 'no-address';
  /** The stored rule that decided; null where none did. */
  ruleId: number | null;
  /** A monitor rule that matched, whatever was decided; null where none did. */
  monitorRuleId: number | null;
}

/**
 * The whole policy: allow beats block beats the mode's default, whatever the lengths of the prefixes.
 *
 * @param matched the rules that match, or null where the client has no address at all.
 */
export function decide(matched: MatchedRules | null, mode: RuleMode): Decision {
  const byDefault = mode === 'allowlist' ? 'block' : 'allow';
  if (matched === null) {
    return { action: byDefault, reason: 'no-address', ruleId: null, monitorRuleId: null };
  }
  const monitorRuleId = matched.monitor;
  if (matched.allow !== null) {
    return { action: 'allow', reason: 'rule', ruleId: matched.allow, monitorRuleId };
  }
  if (matched.block !== null) {
    return { action: 'block', reason: 'rule', ruleId: matched.block, monitorRuleId };
  }
  return { action: byDefault, reason: 'mode', ruleId: null, monitorRuleId };
}
