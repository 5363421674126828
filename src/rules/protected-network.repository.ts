import type { Database } from '../database/database.js';
import { parsePrefix, type Prefix } from '../net/prefix.js';

/** Why a network is protected. */
export type ProtectedKind = 'trusted proxy' | 'own address';

/** An app that has not said so for this long is taken to be gone. */
const FORGOTTEN_AFTER = `interval '7 days'`;

/** The only place that reads and writes `ip_tracking.protected_network`. */
export class ProtectedNetworkRepository {
  constructor(private readonly database: Database) {}

  /** Says that this app would not survive a block of these. */
  async announce(kind: ProtectedKind, prefixes: readonly Prefix[]): Promise<void> {
    if (prefixes.length === 0) return;
    await this.database.query(
      `insert into ip_tracking.protected_network (network, kind)
       select distinct network::cidr, $2 from unnest($1::text[]) as network
       on conflict (network, kind) do update set announced_at = now()`,
      [prefixes.map(String), kind],
    );
  }

  /** What running apps have said, by kind. */
  async all(): Promise<Record<ProtectedKind, Prefix[]>> {
    const rows = await this.database.query<{ network: string; kind: ProtectedKind }>(
      `select network::text as network, kind from ip_tracking.protected_network
        where announced_at > now() - ${FORGOTTEN_AFTER}`,
    );
    const found: Record<ProtectedKind, Prefix[]> = { 'trusted proxy': [], 'own address': [] };
    for (const { network, kind } of rows) {
      const prefix = parsePrefix(network);
      if (prefix !== null) found[kind].push(prefix);
    }
    return found;
  }
}
