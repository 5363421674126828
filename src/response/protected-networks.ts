import { Prefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import { IpAddress } from '../net/ip-address.js';
import { BANNED_IPV6_LENGTH } from './ban-network.js';

/** Why a network is never banned, nor limited. */
export type ProtectionKind =
  'never-block' | 'allow-rule' | 'trusted-proxy' | 'own-address' | 'loopback' | 'likely-proxy';

/** What protects a client. */
export interface Protection {
  readonly kind: ProtectionKind;
  /** The network that says so. */
  readonly network: string;
}

/** The networks that no response reaches, by why. */
export type ProtectedLists = Readonly<Partial<Record<ProtectionKind, readonly Prefix[]>>>;

const LOOPBACK = [Prefix.fromV4(0x7f000000, 8), Prefix.fromV6(0, 0, 0, 1, 128)];

/** Tells of any client whether it is protected, whatever the number of rules. Where two say so, the longest speaks. */
export class ProtectedNetworks {
  private constructor(private readonly networks: PrefixSet<Protection>) {}

  static from(lists: ProtectedLists): ProtectedNetworks {
    const all: ProtectedLists = { ...lists, loopback: [...(lists.loopback ?? []), ...LOOPBACK] };
    const entries = Object.entries(all).flatMap(([kind, prefixes]) =>
      (prefixes ?? []).map((prefix): [Prefix, Protection] => [
        bannedWith(prefix),
        { kind: kind as ProtectionKind, network: prefix.toString() },
      ]),
    );
    return new ProtectedNetworks(PrefixSet.from(entries));
  }

  /** What protects a network that would be banned; null for nothing. */
  of(network: Prefix): Protection | null {
    const first =
      network.family === 4
        ? IpAddress.fromV4(network.w0)
        : IpAddress.fromV6(network.w0, network.w1, network.w2, network.w3);
    return this.networks.match(first) ?? null;
  }
}

/** One protected IPv6 address protects the whole network that would be banned for its neighbour. */
function bannedWith(prefix: Prefix): Prefix {
  if (prefix.family === 4 || prefix.length <= BANNED_IPV6_LENGTH) return prefix;
  return Prefix.fromV6(prefix.w0, prefix.w1, prefix.w2, prefix.w3, BANNED_IPV6_LENGTH);
}
