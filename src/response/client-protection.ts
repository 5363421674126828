import type { IpAddress } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';
import { addressOf } from './observations.js';
import { ProtectedNetworks, type Protection } from './protected-networks.js';

/** What a {@link ClientProtection} asks. */
export interface ClientProtectionParts {
  readonly neverBlock: readonly Prefix[];
  readonly trustedProxies: readonly Prefix[];
  /** Of this host. */
  readonly ownAddresses: readonly Prefix[];
  /** What running apps have announced. */
  announced(): Promise<Record<'trusted proxy' | 'own address', Prefix[]>>;
  /** Whether an allow rule names an address. */
  isAllowed(ip: IpAddress): boolean;
}

/** Who is never banned, by the options, the rules, and what running apps have announced. */
export class ClientProtection {
  private networks: ProtectedNetworks;

  constructor(private readonly parts: ClientProtectionParts) {
    this.networks = this.listed([], []);
  }

  /** Learns what other processes have announced. */
  async learn(): Promise<void> {
    const announced = await this.parts.announced();
    this.networks = this.listed(announced['trusted proxy'], announced['own address']);
  }

  /**
   * What protects a client's network; null for nothing.
   *
   * @param address the client's own, where it is known.
   */
  of(network: Prefix, address: IpAddress | null): Protection | null {
    const listed = this.networks.of(network);
    if (listed !== null) return listed;
    return this.parts.isAllowed(address ?? addressOf(network))
      ? { kind: 'allow-rule', network: `for ${network.toString()}` }
      : null;
  }

  private listed(proxies: readonly Prefix[], own: readonly Prefix[]): ProtectedNetworks {
    const { neverBlock, trustedProxies, ownAddresses } = this.parts;
    return ProtectedNetworks.from({
      'own-address': [...ownAddresses, ...own],
      'trusted-proxy': [...trustedProxies, ...proxies],
      'never-block': neverBlock,
    });
  }
}
