import { describe, expect, it } from 'vitest';
import { decide, decideWithoutRules, type MatchedRules, type RulePolicy } from './decide.js';

const policy = (given: Partial<RulePolicy> = {}): RulePolicy => ({
  mode: 'blocklist',
  blockCountries: null,
  allowCountries: null,
  ...given,
});
const matched = (given: Partial<MatchedRules> = {}): MatchedRules => ({
  allow: null,
  block: null,
  limit: null,
  monitor: null,
  ...given,
});

describe('decide', () => {
  it.each<[string, Partial<MatchedRules>, string | null, Partial<RulePolicy>, string, string]>([
    ['nothing matches, blocklist mode', {}, null, {}, 'allow', 'mode'],
    ['nothing matches, allowlist mode', {}, null, { mode: 'allowlist' }, 'block', 'mode'],
    ['a block rule', { block: 1 }, null, {}, 'block', 'rule'],
    ['an allow rule', { allow: 1 }, null, { mode: 'allowlist' }, 'allow', 'rule'],
    ['both: allow wins', { allow: 1, block: 2 }, null, {}, 'allow', 'rule'],
    ['a limit rule', { limit: 3 }, null, {}, 'limit', 'rule'],
    [
      'a limit rule and a block rule: block wins',
      { limit: 3, block: 2 },
      null,
      {},
      'block',
      'rule',
    ],
    [
      'a limit rule and an allow rule: allow wins',
      { limit: 3, allow: 1 },
      null,
      {},
      'allow',
      'rule',
    ],
    ['a limit lets nobody in', { limit: 3 }, null, { mode: 'allowlist' }, 'block', 'mode'],
    [
      'a limit and a country',
      { limit: 3 },
      'XX',
      { blockCountries: new Set(['XX']) },
      'block',
      'country',
    ],
    ['a monitor rule changes nothing', { monitor: 1 }, null, {}, 'allow', 'mode'],
    ['a blocked country', {}, 'XX', { blockCountries: new Set(['XX']) }, 'block', 'country'],
    ['another country', {}, 'DE', { blockCountries: new Set(['XX']) }, 'allow', 'mode'],
    [
      'an unknown one passes a block list',
      {},
      null,
      { blockCountries: new Set(['XX']) },
      'allow',
      'mode',
    ],
    ['an allowed country', {}, 'DE', { allowCountries: new Set(['DE']) }, 'allow', 'mode'],
    [
      'a country that is not listed',
      {},
      'XX',
      { allowCountries: new Set(['DE']) },
      'block',
      'country',
    ],
    [
      'an unknown one fails an allow list',
      {},
      null,
      { allowCountries: new Set(['DE']) },
      'block',
      'country',
    ],
    [
      'on both lists: block wins',
      {},
      'DE',
      { blockCountries: new Set(['DE']), allowCountries: new Set(['DE']) },
      'block',
      'country',
    ],
    [
      'an allow rule lifts a country',
      { allow: 1 },
      'XX',
      { blockCountries: new Set(['XX']) },
      'allow',
      'rule',
    ],
    [
      'a block rule names itself before the country',
      { block: 1 },
      'XX',
      { blockCountries: new Set(['XX']) },
      'block',
      'rule',
    ],
    [
      'an allowed country is not a listed address',
      {},
      'DE',
      { mode: 'allowlist', allowCountries: new Set(['DE']) },
      'block',
      'mode',
    ],
  ])('%s', (_, rules, country, options, action, reason) => {
    expect(decide(matched(rules), country, policy(options))).toMatchObject({ action, reason });
  });

  it('names the deciding rule and the one that only watches', () => {
    expect(decide(matched({ block: 5, monitor: 9 }), null, policy())).toEqual({
      action: 'block',
      reason: 'rule',
      ruleId: 5,
      monitorRuleId: 9,
    });
    expect(decide(matched({ monitor: 9 }), null, policy()).monitorRuleId).toBe(9);
  });
});

describe('decideWithoutRules', () => {
  const blocked = { blockCountries: new Set(['XX']) };
  it.each([
    ['open', null, policy(), 'allow', 'mode'],
    ['open', null, policy({ mode: 'allowlist' }), 'allow', 'mode'],
    ['open', 'XX', policy(blocked), 'block', 'country'],
    ['open', 'DE', policy(blocked), 'allow', 'mode'],
    ['closed', null, policy(), 'block', 'no-rules'],
    ['closed', 'DE', policy({ mode: 'allowlist', ...blocked }), 'block', 'no-rules'],
  ] as const)('%s, for a client from %s', (withoutRules, country, given, action, reason) => {
    expect(decideWithoutRules(withoutRules, country, given)).toEqual({
      action,
      reason,
      ruleId: null,
      monitorRuleId: null,
    });
  });
});
