import { describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { parsePrefix } from '../net/prefix.js';
import { NO_RULES } from './decide.js';
import { HELD_RULE, HeldRules, type HeldAction, type HeldRule } from './held-rules.js';

const NOW = Date.UTC(2026, 0, 31);
const rule = (network: string, action: HeldAction = 'block', untilMs = NOW + 1_000): HeldRule => ({
  network: parsePrefix(network)!,
  action,
  untilMs,
});

describe('held rules', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.8', false],
    ['203.0.113.7', '::ffff:203.0.113.7', true],
    ['255.255.255.255', '255.255.255.255', true],
    ['2001:db8::/64', '2001:db8::1', true],
    ['2001:db8::/64', '2001:db8::ffff:0:0:1', true],
    ['2001:db8::/64', '2001:db8:0:1::1', false],
    ['::/64', '0.0.0.0', false],
  ])('of %s hold for %s: %s', (network, ip, isHeld) => {
    const held = new HeldRules();
    held.hold(rule(network));
    expect(held.over(NO_RULES, parseIp(ip)!, NOW)).toEqual({
      ...NO_RULES,
      block: isHeld ? HELD_RULE : null,
    });
  });

  it('lie over what is stored, and leave its name where there is one', () => {
    const held = new HeldRules();
    const ip = parseIp('192.0.2.1')!;
    held.hold(rule('192.0.2.1', 'limit'));
    expect(held.over({ ...NO_RULES, allow: 3 }, ip, NOW)).toMatchObject({ allow: 3, limit: 0 });
    expect(held.over({ ...NO_RULES, limit: 7 }, ip, NOW)).toMatchObject({ limit: 7 });
  });

  it('are over at their end', () => {
    const held = new HeldRules();
    held.hold(rule('192.0.2.1'));
    expect(held.over(NO_RULES, parseIp('192.0.2.1')!, NOW + 999).block).toBe(HELD_RULE);
    expect(held.over(NO_RULES, parseIp('192.0.2.1')!, NOW + 1_000).block).toBeNull();
  });

  it('are let go of, but not those that have come instead', () => {
    const held = new HeldRules();
    const first = rule('192.0.2.1', 'limit');
    const second = rule('192.0.2.1');
    held.hold(first);
    held.hold(second);
    expect(held.release(first)).toBe(false);
    expect(held.of(second.network)).toBe(second);
    expect(held.release(second)).toBe(true);
    expect(held.size).toBe(0);
  });
});
