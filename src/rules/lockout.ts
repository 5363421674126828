import { IpTrackingError } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';
import { parsePrefix } from '../net/prefix.js';

/** The widest network that may be blocked without force, by family. */
const WIDEST = { 4: 8, 6: 24 } as const;

/** What no detection may ever block, because nobody but the host itself comes from there. */
const LOOPBACK = [parsePrefix('127.0.0.0/8')!, parsePrefix('::1/128')!];

/** What a new block rule is checked against, so that nobody is locked out by accident. */
export interface LockoutFacts {
  /** Who makes the rule: the SSH client of a command line, the client of a page. */
  caller: IpAddress | null;
  /** Proxies that running apps trust: blocking one blocks everybody behind it. */
  trustedProxies: readonly Prefix[];
  /** Addresses of the hosts that running apps are on. */
  ownAddresses: readonly Prefix[];
  /** Stored allow rules. */
  allowed: readonly Prefix[];
}

/**
 * Checks a block rule that a person makes.
 *
 * @throws IpTrackingError `IPT_RULE_TOO_WIDE`, `IPT_RULE_COVERS_CALLER` or `IPT_RULE_COVERS_PROXY`.
 */
export function checkBlock(prefix: Prefix, facts: LockoutFacts): void {
  const widest = WIDEST[prefix.family];
  if (prefix.length < widest) {
    throw new IpTrackingError(
      'IPT_RULE_TOO_WIDE',
      `${prefix.toString()} is wider than /${widest}, the widest IPv${prefix.family} network that is blocked without --force`,
    );
  }
  if (facts.caller !== null && prefix.contains(facts.caller)) {
    throw new IpTrackingError(
      'IPT_RULE_COVERS_CALLER',
      `${prefix.toString()} contains ${facts.caller.toString()}, where you come from: use --force if you mean it`,
    );
  }
  const proxy = facts.trustedProxies.find((trusted) => trusted.overlaps(prefix));
  if (proxy !== undefined) {
    throw new IpTrackingError(
      'IPT_RULE_COVERS_PROXY',
      `${prefix.toString()} covers the trusted proxy ${proxy.toString()}: use --force if you mean it`,
    );
  }
}

/**
 * Checks a ban that detection makes. Nobody is there to use force, so what must not be banned never is.
 *
 * @throws IpTrackingError `IPT_RULE_PROTECTED`.
 */
export function checkBan(prefix: Prefix, facts: LockoutFacts): void {
  const guarded: [string, readonly Prefix[]][] = [
    ['loopback', LOOPBACK],
    ['the trusted proxy', facts.trustedProxies],
    ["the host's own address", facts.ownAddresses],
    ['the allow rule', facts.allowed],
  ];
  for (const [what, prefixes] of guarded) {
    const found = prefixes.find((other) => other.overlaps(prefix));
    if (found !== undefined) {
      throw new IpTrackingError(
        'IPT_RULE_PROTECTED',
        `${prefix.toString()} is never banned: it overlaps ${what} ${found.toString()}`,
      );
    }
  }
}
