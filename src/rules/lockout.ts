import { IpTrackingError } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';
import { parsePrefix } from '../net/prefix.js';

/** The length of the widest network that may be blocked, by family. */
export type WidestNetwork = Readonly<Record<Prefix['family'], number>>;

/** What a person may block without force. */
const WIDEST: WidestNetwork = { 4: 8, 6: 24 };

/** Nobody but the host itself comes from there, or a proxy on it. */
const LOOPBACK = [parsePrefix('127.0.0.0/8')!, parsePrefix('::1/128')!];

/** What a new block rule is checked against, so that nobody is locked out by accident. */
export interface LockoutFacts {
  /** Who makes the rule: the SSH client of a command line, the client of a page. */
  caller: IpAddress | null;
  /** Proxies that running apps trust: blocking one blocks everybody behind it. */
  trustedProxies: readonly Prefix[];
  /** Addresses of the hosts that running apps are on. */
  ownAddresses: readonly Prefix[];
  /** Peers that were seen forwarding for others, and that no running app trusts to. Some clients only pretend to. */
  forwardingPeers: readonly Prefix[];
  /** Stored allow rules. */
  allowed: readonly Prefix[];
}

/** What is probably wrong where the app's own proxy looks like a client. */
const NOT_CONFIGURED = 'the client IP is probably not configured (clientIp)';

/**
 * Checks a block rule that a person makes.
 *
 * @throws IpTrackingError `IPT_RULE_TOO_WIDE`, `IPT_RULE_COVERS_CALLER`, `IPT_RULE_COVERS_PROXY`, `IPT_RULE_COVERS_HOST`
 * or `IPT_RULE_COVERS_FORWARDER`.
 */
export function checkBlock(prefix: Prefix, facts: LockoutFacts): void {
  const network = prefix.toString();
  const widest = WIDEST[prefix.family];
  if (prefix.length < widest) {
    throw new IpTrackingError(
      'IPT_RULE_TOO_WIDE',
      `${network} is wider than /${widest}, the widest IPv${prefix.family} network that is blocked without --force`,
    );
  }
  if (facts.caller !== null && prefix.contains(facts.caller)) {
    throw new IpTrackingError(
      'IPT_RULE_COVERS_CALLER',
      `${network} contains ${facts.caller.toString()}, where you come from: use --force if you mean it`,
    );
  }
  const proxy = overlapped(prefix, facts.trustedProxies);
  if (proxy !== undefined) {
    throw new IpTrackingError(
      'IPT_RULE_COVERS_PROXY',
      `${network} covers the trusted proxy ${proxy}: use --force if you mean it`,
    );
  }
  const own = overlapped(prefix, LOOPBACK) ?? overlapped(prefix, facts.ownAddresses);
  if (own !== undefined) {
    throw new IpTrackingError(
      'IPT_RULE_COVERS_HOST',
      `${network} covers ${own}, the app's own host: if clients seem to come from there, ${NOT_CONFIGURED}; use --force if you mean it`,
    );
  }
  const forwarder = overlapped(prefix, facts.forwardingPeers);
  if (forwarder !== undefined) {
    throw new IpTrackingError(
      'IPT_RULE_COVERS_FORWARDER',
      `${network} covers ${forwarder}, which forwards for others: if it is your proxy, ${NOT_CONFIGURED}; if it is a client that pretends to, use --force`,
    );
  }
}

/**
 * Checks a block that a program makes. Nobody is there to use force, so what must not be banned never is. A peer that
 * forwards is not protected here: any client could write itself such a header.
 *
 * @throws IpTrackingError `IPT_RULE_PROTECTED`, `IPT_RULE_COVERS_CALLER` or `IPT_RULE_TOO_WIDE`.
 */
export function checkBan(prefix: Prefix, facts: LockoutFacts, widest: WidestNetwork): void {
  const network = prefix.toString();
  const guarded: [string, readonly Prefix[]][] = [
    ['loopback', LOOPBACK],
    ['the trusted proxy', facts.trustedProxies],
    ["the host's own address", facts.ownAddresses],
    ['the allow rule', facts.allowed],
  ];
  for (const [what, prefixes] of guarded) {
    const found = overlapped(prefix, prefixes);
    if (found !== undefined) {
      throw new IpTrackingError(
        'IPT_RULE_PROTECTED',
        `${network} is never banned: it overlaps ${what} ${found}`,
      );
    }
  }
  if (facts.caller !== null && prefix.contains(facts.caller)) {
    throw new IpTrackingError(
      'IPT_RULE_COVERS_CALLER',
      `${network} is never banned: it contains ${facts.caller.toString()}, where its maker comes from`,
    );
  }
  const length = widest[prefix.family];
  if (prefix.length < length) {
    throw new IpTrackingError(
      'IPT_RULE_TOO_WIDE',
      `${network} is wider than /${length}, the widest IPv${prefix.family} network that a program may block: rules.automaticBlocks says so`,
    );
  }
}

function overlapped(prefix: Prefix, others: readonly Prefix[]): string | undefined {
  return others.find((other) => other.overlaps(prefix))?.toString();
}
