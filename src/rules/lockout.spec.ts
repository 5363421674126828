import { describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { parsePrefix } from '../net/prefix.js';
import { checkBan, checkBlock, type LockoutFacts } from './lockout.js';

const facts = (given: Partial<LockoutFacts> = {}): LockoutFacts => ({
  caller: null,
  trustedProxies: [],
  ownAddresses: [],
  forwardingPeers: [],
  allowed: [],
  ...given,
});
const WIDEST = { 4: 24, 6: 48 } as const;
const p = (text: string) => parsePrefix(text)!;
const codeOf = (check: () => void): string | null => {
  try {
    check();
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a block that somebody makes', () => {
  it.each([
    ['10.0.0.0/8', null],
    ['10.0.0.0/7', 'IPT_RULE_TOO_WIDE'],
    ['0.0.0.0/0', 'IPT_RULE_TOO_WIDE'],
    ['2001:d00::/24', null],
    ['2001:c00::/23', 'IPT_RULE_TOO_WIDE'],
    ['::/0', 'IPT_RULE_TOO_WIDE'],
    ['203.0.113.7', null],
  ])('%s', (network, code) => {
    expect(codeOf(() => checkBlock(p(network), facts()))).toBe(code);
  });

  it('must not contain who makes it', () => {
    const mine = facts({ caller: parseIp('203.0.113.7') });
    expect(codeOf(() => checkBlock(p('203.0.113.0/24'), mine))).toBe('IPT_RULE_COVERS_CALLER');
    expect(codeOf(() => checkBlock(p('203.0.114.0/24'), mine))).toBeNull();
  });

  it('must not touch a trusted proxy, be it a part of one', () => {
    const behind = facts({ trustedProxies: [p('10.1.0.0/16'), p('2001:db8::/48')] });
    for (const network of ['10.1.2.3', '10.1.0.0/16', '10.0.0.0/8', '2001:db8::/32']) {
      expect(codeOf(() => checkBlock(p(network), behind))).toBe('IPT_RULE_COVERS_PROXY');
    }
    expect(codeOf(() => checkBlock(p('10.2.0.0/16'), behind))).toBeNull();
  });

  it('must not touch the host itself, where only a proxy on it can seem to be a client', () => {
    const here = facts({ ownAddresses: [p('192.0.2.1'), p('2001:db8::1')] });
    for (const network of ['127.0.0.1', '127.9.9.9', '::1', '192.0.2.1', '192.0.2.0/24']) {
      expect(codeOf(() => checkBlock(p(network), here))).toBe('IPT_RULE_COVERS_HOST');
    }
    expect(codeOf(() => checkBlock(p('2001:db8::/64'), here))).toBe('IPT_RULE_COVERS_HOST');
    expect(codeOf(() => checkBlock(p('192.0.2.2'), here))).toBeNull();
    expect(() => checkBlock(p('127.0.0.1'), here)).toThrow(
      'the client IP is probably not configured',
    );
  });

  it('must not touch who forwards for others', () => {
    const behind = facts({ forwardingPeers: [p('10.1.2.3')] });
    expect(codeOf(() => checkBlock(p('10.1.2.3'), behind))).toBe('IPT_RULE_COVERS_FORWARDER');
    expect(codeOf(() => checkBlock(p('10.1.0.0/16'), behind))).toBe('IPT_RULE_COVERS_FORWARDER');
    expect(codeOf(() => checkBlock(p('10.1.2.4'), behind))).toBeNull();
    expect(() => checkBlock(p('10.1.2.3'), behind)).toThrow(
      'the client IP is probably not configured',
    );
  });
});

describe('a block that a program makes', () => {
  const guarded = facts({
    trustedProxies: [p('10.1.0.0/16')],
    ownAddresses: [p('192.0.2.1')],
    allowed: [p('198.51.100.0/24')],
  });

  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '10.1.2.3',
    '192.0.2.1',
    '198.51.100.9',
    '192.0.0.0/16',
  ])('never hits %s', (network) => {
    expect(codeOf(() => checkBan(p(network), guarded, WIDEST))).toBe('IPT_RULE_PROTECTED');
  });

  it('hits everybody else', () => {
    expect(codeOf(() => checkBan(p('203.0.113.7'), guarded, WIDEST))).toBeNull();
    expect(codeOf(() => checkBan(p('2001:db8::/64'), guarded, WIDEST))).toBeNull();
  });

  it('never hits who has it made', () => {
    const mine = facts({ caller: parseIp('203.0.113.7') });
    expect(codeOf(() => checkBan(p('203.0.113.0/24'), mine, WIDEST))).toBe(
      'IPT_RULE_COVERS_CALLER',
    );
    expect(codeOf(() => checkBan(p('203.0.113.8'), mine, WIDEST))).toBeNull();
  });

  it.each([
    ['203.0.113.0/24', null],
    ['203.0.112.0/23', 'IPT_RULE_TOO_WIDE'],
    ['192.0.0.0/2', 'IPT_RULE_TOO_WIDE'],
    ['2001:db8::/48', null],
    ['2001:db8::/47', 'IPT_RULE_TOO_WIDE'],
  ])('is as wide as it may be: %s', (network, code) => {
    expect(codeOf(() => checkBan(p(network), facts(), WIDEST))).toBe(code);
  });

  it('hits who forwards: any client could say so of itself', () => {
    const pretender = facts({ forwardingPeers: [p('203.0.113.7')] });
    expect(codeOf(() => checkBan(p('203.0.113.7'), pretender, WIDEST))).toBeNull();
  });
});
