import type { Database } from '../database/database.js';
import { parsePrefix, type Prefix } from '../net/prefix.js';

/** Why a network is protected. */
export type ProtectedKind = 'trusted proxy' | 'own address' | 'forwarding peer';

/**
 * An app that has not said so for this long is taken to be gone. A peer that forwards is said every hour for as long as
 * it does; a client that only pretends to is soon forgotten.
 */
const IS_FORGOTTEN = `announced_at < now() - case kind when 'forwarding peer' then interval '1 day' else interval '7 days' end`;

/** The PostgreSQL channel on which an app says that it has announced what was not known. */
export const PROTECTED_CHANNEL = 'ip_tracking_protected';

/** The only place that reads and writes `ip_tracking.protected_network`. */
export class ProtectedNetworkRepository {
  constructor(private readonly database: Database) {}

  /**
   * Says that this app would not survive a block of these, and forgets those of the kind that nobody says any more. Other
   * processes are notified of what is new.
   */
  async announce(kind: ProtectedKind, prefixes: readonly Prefix[]): Promise<void> {
    if (prefixes.length > 0) {
      await this.database.query(
        `with said as (
           insert into ip_tracking.protected_network (network, kind)
           select distinct network::cidr, $2 from unnest($1::text[]) as network
           on conflict (network, kind) do update set announced_at = now()
           returning xmax = 0 as is_new)
         select pg_notify('${PROTECTED_CHANNEL}', '') from said having bool_or(is_new)`,
        [prefixes.map(String), kind],
      );
    }
    await this.database.query(
      `delete from ip_tracking.protected_network where kind = $1 and ${IS_FORGOTTEN}`,
      [kind],
    );
  }

  /** What running apps have said, by kind. */
  async all(): Promise<Record<ProtectedKind, Prefix[]>> {
    const rows = await this.database.query<{ network: string; kind: ProtectedKind }>(
      `select network::text as network, kind from ip_tracking.protected_network
        where not (${IS_FORGOTTEN})`,
    );
    const found: Record<ProtectedKind, Prefix[]> = {
      'trusted proxy': [],
      'own address': [],
      'forwarding peer': [],
    };
    for (const { network, kind } of rows) {
      const prefix = parsePrefix(network);
      // A later version may know more kinds.
      if (prefix !== null) found[kind]?.push(prefix);
    }
    return found;
  }
}
