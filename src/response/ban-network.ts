import { Prefix } from '../net/prefix.js';
import { parsePrefix } from '../net/prefix.js';

/** One subscriber holds at least a /64 (RFC 6177, RFC 7934), and may use any address in it. */
export const BANNED_IPV6_LENGTH = 64;

/** What a provider commonly gives one subscriber beyond a /64: too many others may be in it to ban it unasked. */
const SUGGESTED_IPV6_LENGTH = 56;
const SUGGESTED_FROM = 4;
const HOUR_MS = 3_600_000;

/**
 * The network to ban for a finding about `subject`: IPv4 the address and never wider, IPv6 its /64. Null for what is no
 * client, such as a user or a route, and for a wider network, which is for people to block.
 */
export function networkToBan(subject: string): Prefix | null {
  const prefix = parsePrefix(subject);
  if (prefix === null) return null;
  if (prefix.family === 4) return prefix.length === 32 ? prefix : null;
  if (prefix.length < BANNED_IPV6_LENGTH) return null;
  return Prefix.fromV6(prefix.w0, prefix.w1, prefix.w2, prefix.w3, BANNED_IPV6_LENGTH);
}

/** A ban among others: which network, and since when. */
export interface BannedNetwork {
  readonly network: Prefix;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
}

/**
 * The /56 to suggest to a person, now that `network` is banned as well: where four of its /64 have been banned within an
 * hour, one subscriber may be going round in it. Null for no suggestion.
 */
export function widerNetwork(
  network: Prefix,
  others: Iterable<BannedNetwork>,
  nowMs: number,
): Prefix | null {
  if (network.family === 4) return null;
  const { w0, w1, w2, w3 } = network;
  const wider = Prefix.fromV6(w0, w1, w2, w3, SUGGESTED_IPV6_LENGTH);
  const banned = new Set([network.toString()]);
  for (const other of others) {
    const isRecent = nowMs - other.startedAtMs < HOUR_MS;
    if (
      isRecent &&
      other.network.length === BANNED_IPV6_LENGTH &&
      wider.containsPrefix(other.network)
    ) {
      banned.add(other.network.toString());
    }
  }
  return banned.size >= SUGGESTED_FROM ? wider : null;
}
