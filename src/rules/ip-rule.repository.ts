import type { Database } from '../database/database.js';
import type { IpRule, RuleAction } from './ip-rule.entity.js';
import type { RuleRow } from './rule-snapshot.js';

/** A rule as it is handed to the database; the network is canonical CIDR text. */
export type NewIpRule = Pick<
  IpRule,
  'action' | 'network' | 'reason' | 'source' | 'createdBy' | 'expiresAt'
>;

const COLUMNS = `id, action, network::text as network, reason, source, created_by as "createdBy",
  created_at as "createdAt", expires_at as "expiresAt"`;

/** The only place that reads and writes `ip_tracking.ip_rule`. */
export class IpRuleRepository {
  constructor(private readonly database: Database) {}

  /** The counter that every change of a rule moves. */
  async version(): Promise<number> {
    const [row] = await this.database.query<{ version: string }>(
      `select version from ip_tracking.ip_rule_version`,
    );
    return Number(row?.version ?? 0);
  }

  /**
   * Every rule that has not expired, with the version they belong to: both from one view of the database. Where two
   * sources name the same network, the one that lasts longer comes last, and so is the one that holds.
   */
  async load(): Promise<{ version: number; rows: RuleRow[] }> {
    return this.database.transaction(async (manager) => {
      await manager.query(`set transaction isolation level repeatable read, read only`);
      const [counter] = await manager.query<{ version: string }[]>(
        `select version from ip_tracking.ip_rule_version`,
      );
      const rows = await manager.query<RuleRow[]>(
        `select id, action, network::text as network,
                (extract(epoch from expires_at) * 1000)::float8 as "expiresAtMs"
           from ip_tracking.ip_rule
          where expires_at is null or expires_at > now()
          order by expires_at nulls last`,
      );
      return { version: Number(counter?.version ?? 0), rows };
    });
  }

  /** Stores a rule; the same action, network and source again updates it. */
  async save(rule: NewIpRule): Promise<IpRule> {
    const [row] = await this.database.query<IpRule>(
      `insert into ip_tracking.ip_rule (action, network, reason, source, created_by, expires_at)
       values ($1, $2, $3, $4, $5, $6)
       on conflict (action, network, source) do update
          set reason = excluded.reason, created_by = excluded.created_by, expires_at = excluded.expires_at
       returning ${COLUMNS}`,
      [rule.action, rule.network, rule.reason, rule.source, rule.createdBy, rule.expiresAt],
    );
    return row!;
  }

  /** Removes the rules of one action for exactly this network, whatever their source. */
  async remove(action: RuleAction, network: string): Promise<IpRule[]> {
    return this.database.query<IpRule>(
      `with removed as (
         delete from ip_tracking.ip_rule where action = $1 and network = $2::cidr returning *)
       select ${COLUMNS} from removed order by id`,
      [action, network],
    );
  }

  /** The unexpired rules of one action whose network contains this one, the longest first. */
  async covering(action: RuleAction, network: string): Promise<IpRule[]> {
    return this.database.query<IpRule>(
      `select ${COLUMNS} from ip_tracking.ip_rule
        where action = $1 and network >> $2::cidr and (expires_at is null or expires_at > now())
        order by masklen(network) desc, id`,
      [action, network],
    );
  }

  /** The rules in the order an operator reads them, expired ones only where asked for. */
  async list(options: { includeExpired?: boolean } = {}): Promise<IpRule[]> {
    return this.database.query<IpRule>(
      `select ${COLUMNS} from ip_tracking.ip_rule
        where $1 or expires_at is null or expires_at > now()
        order by action, network, source`,
      [options.includeExpired ?? false],
    );
  }

  /** One rule by its id. */
  async find(id: number): Promise<IpRule | null> {
    const [row] = await this.database.query<IpRule>(
      `select ${COLUMNS} from ip_tracking.ip_rule where id = $1`,
      [id],
    );
    return row ?? null;
  }
}
