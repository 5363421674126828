import { networkInterfaces } from 'node:os';
import { parsePrefix, type Prefix } from '../net/prefix.js';
import type { ProtectedNetworkRepository } from './protected-network.repository.js';

/** Says what this app would not survive being blocked, for whoever makes a rule elsewhere. */
export async function announceNetworks(
  networks: ProtectedNetworkRepository,
  trustedProxies: readonly Prefix[],
): Promise<void> {
  await networks.announce('trusted proxy', trustedProxies);
  await networks.announce('own address', ownAddresses());
}

/** The addresses of this host. */
export function ownAddresses(): Prefix[] {
  return Object.values(networkInterfaces())
    .flat()
    .flatMap((found) => parsePrefix(found?.address.split('%', 1)[0] ?? '') ?? []);
}
