/**
 * What made a decision: `rule` for a stored rule, `country` for the countries in the options, `mode` for the module's
 * default, `decorator` for what a route itself says, `no-rules` where no rules are known and `rules.withoutRules` is
 * `closed`. It is kept in the log as the `reason` of a blocked request.
 */
export type DecisionReason = 'rule' | 'country' | 'mode' | 'decorator' | 'no-rules';

/** The outcome for one request and the rule that made it. */
export interface Decision {
  /** `limit` lets in, but not often: the client may make so many requests a minute, and no more. */
  action: 'allow' | 'block' | 'limit';
  reason: DecisionReason;
  /** The stored rule that decided; null where none did, and for a ban that is not stored yet, or never is. */
  ruleId: number | null;
  /** A monitor rule that matched, whatever was decided; null where none did. */
  monitorRuleId: number | null;
}

/** A refusal by a route's own decorators. No stored rule did it, and a monitor rule must not look as if it had. */
export const REFUSED_BY_DECORATOR: Decision = Object.freeze({
  action: 'block',
  reason: 'decorator',
  ruleId: null,
  monitorRuleId: null,
});
