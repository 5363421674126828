import type { Database } from '../database/database.js';
import type { Prefix } from '../net/prefix.js';
import { IpRule, type RuleAction } from './ip-rule.entity.js';
import type { RuleChange } from './rule-snapshot.js';
import type { RuleRow } from './rule-table.js';

/** A rule as it is handed to the database; the network is canonical CIDR text. */
export type NewIpRule = Pick<
  IpRule,
  'action' | 'network' | 'reason' | 'source' | 'createdBy' | 'expiresAt'
>;

/** Rows that one round trip brings: small enough that reading them never holds the event loop. */
const ROWS_AT_ONCE = 5_000;

const EXPIRES_AT_MS = `(extract(epoch from expires_at) * 1000)::float8`;

interface ChangeRow {
  current: string;
  /** Null on the one row that comes where nothing has changed. */
  version: string | null;
  ruleId: number;
  action: RuleAction | null;
  network: string | null;
  expiresAtMs: number | null;
}

function changeOf({ ruleId, action, network, expiresAtMs }: ChangeRow): RuleChange {
  const isGone = action === null || network === null;
  return { ruleId, now: isGone ? null : { id: ruleId, action, network, expiresAtMs } };
}

/** What a rule has that is no ban. */
const NO_BAN = { findingId: null, banId: null };

const COLUMNS = `id, action, network::text as network, reason, source, created_by as "createdBy",
  created_at as "createdAt", expires_at as "expiresAt", finding_id as "findingId", ban_id as "banId"`;

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
   * Reads every rule that has not expired, a few thousand at a time, all from one view of the database. Rules for the
   * same network come one after another, the one that lasts longest last.
   *
   * @returns the version that the rules belong to.
   */
  async stream(onRows: (rows: RuleRow[]) => void | Promise<void>): Promise<number> {
    return this.database.transaction(async (manager) => {
      await manager.query(`set transaction isolation level repeatable read, read only`);
      const [counter] = await manager.query<{ version: string }[]>(
        `select version from ip_tracking.ip_rule_version`,
      );
      await manager.query(
        `declare live_rules no scroll cursor for
           select id, action, network::text as network, ${EXPIRES_AT_MS} as "expiresAtMs"
             from ip_tracking.ip_rule
            where expires_at is null or expires_at > now()
            order by action, network, expires_at nulls last, id`,
      );
      for (;;) {
        const rows = await manager.query<RuleRow[]>(`fetch ${ROWS_AT_ONCE} from live_rules`);
        if (rows.length === 0) return Number(counter?.version ?? 0);
        await onRows(rows);
      }
    });
  }

  /**
   * What has changed since a version, oldest first.
   *
   * @returns null where the audit does not tell the whole story (a TRUNCATE, a restored database, too much of it), so
   * that all rules have to be read again.
   */
  async changesSince(
    version: number,
    atMost: number,
  ): Promise<{ version: number; changes: RuleChange[] } | null> {
    // One statement, and so one view of the database: the counter and the audit belong together.
    const rows = await this.database.query<ChangeRow>(
      `select counter.version as current, event.*
         from ip_tracking.ip_rule_version as counter
         left join lateral (
           select version, rule_id as "ruleId", new->>'action' as action, new->>'network' as network,
                  (extract(epoch from (new->>'expires_at')::timestamptz) * 1000)::float8 as "expiresAtMs"
             from ip_tracking.ip_rule_event
            where version > $1
            order by id
            limit $2) as event on true`,
      [version, atMost + 1],
    );
    const current = Number(rows[0]?.current ?? 0);
    const events = rows.filter((row) => row.version !== null);
    if (events.length > atMost) return null;
    let last = version;
    for (const event of events) {
      const next = Number(event.version);
      if (next !== last && next !== last + 1) return null;
      last = next;
    }
    if (last !== current) return null;
    return { version: last, changes: events.map(changeOf) };
  }

  /** Stores a rule; the same action, network and source again updates it. One that is stored nowhere has the id 0. */
  async save(rule: NewIpRule): Promise<IpRule> {
    const rows = await this.as<IpRule>(
      rule.createdBy,
      `insert into ip_tracking.ip_rule (action, network, reason, source, created_by, expires_at)
       values ($1, $2, $3, $4, $5, $6)
       on conflict (action, network, source) do update
          set reason = excluded.reason, created_by = excluded.created_by, expires_at = excluded.expires_at,
              finding_id = null, ban_id = null
       returning ${COLUMNS}`,
      [rule.action, rule.network, rule.reason, rule.source, rule.createdBy, rule.expiresAt],
    );
    // Nothing comes back where there is no database to store it.
    return (
      rows[0] ?? Object.assign(new IpRule(), { id: 0, createdAt: new Date(), ...NO_BAN, ...rule })
    );
  }

  /** Removes the rules of one action for exactly this network, whatever their source. */
  async remove(action: RuleAction, network: string, actor: string | null): Promise<IpRule[]> {
    return this.as<IpRule>(
      actor,
      `with removed as (
         delete from ip_tracking.ip_rule where action = $1 and network = $2::cidr returning *)
       select ${COLUMNS} from removed order by id`,
      [action, network],
    );
  }

  /** The rules of every action that match an address and act, the most specific first. */
  async matching(ipAddress: string): Promise<IpRule[]> {
    return this.database.query<IpRule>(
      `select ${COLUMNS} from ip_tracking.ip_rule
        where network >>= $1::inet and (expires_at is null or expires_at > now())
        order by masklen(network) desc, id`,
      [ipAddress],
    );
  }

  /** The rules of one action that share an address with a network, and act. */
  async overlapping(action: RuleAction, prefix: Prefix): Promise<IpRule[]> {
    return this.database.query<IpRule>(
      `select ${COLUMNS} from ip_tracking.ip_rule
        where action = $1 and network && $2::cidr and (expires_at is null or expires_at > now())`,
      [action, prefix.toString()],
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

  /** Runs one statement with a name for the audit. */
  private as<Row>(actor: string | null, sql: string, parameters: unknown[]): Promise<Row[]> {
    return this.database.transaction(async (manager) => {
      await manager.query(`select set_config('ip_tracking.actor', $1, true)`, [actor ?? '']);
      return manager.query<Row[]>(sql, parameters);
    });
  }
}
