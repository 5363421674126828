import type { Statements } from '../detection/finding-response.js';
import type { Prefix } from '../net/prefix.js';
import type { IpRule } from '../rules/ip-rule.entity.js';
import type { BanEvent, NewBanEvent } from './ban-event.js';
import type { PastBan } from './client-facts.js';

/** Where bans come from: the source of their rules, and who has made them. */
export const BAN_SOURCE = 'detection';
/** Any constant will do, as long as every process uses the same: who writes bans, or ends them, does so alone. */
const BAN_LOCK = 7_316_402_521;
/** Bans and pardons that a process remembers from before it began. */
const MAX_REMEMBERED = 50_000;
/** So many of an address's events are shown. */
const MAX_SHOWN = 1_000;

const RULE_COLUMNS = `id, action, network::text as network, reason, source, created_by as "createdBy",
  created_at as "createdAt", expires_at as "expiresAt", finding_id as "findingId", ban_id as "banId"`;
const MS = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;

/** What the database knows of a network that is to be banned. */
export interface StoredFacts {
  readonly network: string;
  /** Its bans of the last 30 days. */
  readonly history: readonly PastBan[] | null;
  /** Epoch milliseconds by PostgreSQL's clock. */
  readonly pardonedAtMs: number | null;
  /** How long ago that is: clocks of two machines agree on this, be they hours apart. */
  readonly pardonedAgoMs: number | null;
  /** What must not be banned, and overlaps it. */
  readonly exempt: string | null;
  /** What holds of it already. */
  readonly active: readonly { id: number; action: 'block' | 'limit'; leftMs: number }[] | null;
}

/** A rule to be stored for a ban. */
export interface BanRule {
  readonly action: 'block' | 'limit';
  readonly network: string;
  readonly reason: string;
  /** How long it is to act from now, in milliseconds. */
  readonly forMs: number;
  readonly findingId: number | null;
  readonly banId: string;
}

/** A ban or pardon that was remembered. */
export interface RememberedEvent {
  readonly id: number;
  readonly event: 'ban' | 'prolongation' | 'pardon';
  readonly action: 'block' | 'limit' | null;
  readonly banId: string | null;
  readonly network: string;
  /** How long ago it was, in milliseconds: clocks of two machines agree on this, be they hours apart. */
  readonly agoMs: number;
  /** In how many milliseconds what began ends, or ended; null where nothing does. */
  readonly endsInMs: number | null;
}

/** The only place that reads and writes `ip_tracking.ban_event`, and the rules of bans. */
export class BanRepository {
  constructor(private readonly statements: Statements) {}

  /** Waits until nobody else writes or ends bans; until the end of the transaction nobody else will. */
  async alone(actor: string): Promise<void> {
    await this.statements.query(
      `select pg_advisory_xact_lock($1), set_config('ip_tracking.actor', $2, true)`,
      [BAN_LOCK, actor],
    );
  }

  /** Which of some bans are stored already, with their rules. */
  async stored(banIds: readonly string[]): Promise<Map<string, number | null>> {
    const rows = await this.statements.query<{ banId: string; ruleId: number | null }>(
      `select ban_id as "banId", rule_id as "ruleId" from ip_tracking.ban_event
        where ban_id = any($1::uuid[]) and event in ('ban', 'prolongation')`,
      [banIds],
    );
    return new Map(rows.map(({ banId, ruleId }) => [banId, ruleId]));
  }

  async facts(networks: readonly string[]): Promise<Map<string, StoredFacts>> {
    const rows = await this.statements.query<StoredFacts>(
      `select text as network,
              (select json_agg(json_build_object('action', case action when 'block' then 'ban' else 'limit' end,
                        'startedAtMs', ${MS('happened_at')}, 'endsAtMs', ${MS('ends_at')}))
                 from ip_tracking.ban_event
                where event = 'ban' and network = client and happened_at > now() - interval '30 days') as history,
              ${MS('pardoned.at')} as "pardonedAtMs",
              ${MS('clock_timestamp() - pardoned.at')} as "pardonedAgoMs",
              (select why from (
                 select 'the allow rule ' || network::text as why from ip_tracking.ip_rule
                  where action = 'allow' and network && client and (expires_at is null or expires_at > now())
                 union all
                 select 'the ' || kind || ' ' || network::text from ip_tracking.protected_network
                  where kind in ('trusted proxy', 'own address') and network && client
                    and announced_at > now() - interval '7 days') as exempt limit 1) as exempt,
              (select json_agg(json_build_object('id', id, 'action', action, 'leftMs', ${MS('expires_at - clock_timestamp()')}))
                 from ip_tracking.ip_rule
                where ban_id is not null and network = client and expires_at > clock_timestamp()) as active
         from unnest($1::text[]) as text, lateral (select text::cidr as client) as given,
              lateral (select max(happened_at) as at from ip_tracking.ban_event
                        where event = 'pardon' and network && client and happened_at > now() - interval '30 days') as pardoned`,
      [networks],
    );
    return new Map(rows.map((row) => [row.network, row]));
  }

  /** What was banned within the last hour, for the budget: each network once, with the last time. */
  async recent(action: 'block' | 'limit'): Promise<{ network: string; agoMs: number }[]> {
    return this.statements.query(
      `select network::text, ${MS('clock_timestamp() - max(happened_at)')} as "agoMs" from ip_tracking.ban_event
        where event = 'ban' and action = $1 and network is not null and happened_at > clock_timestamp() - interval '1 hour'
        group by network`,
      [action],
    );
  }

  /** The ids of findings, by `<detector> <subject>`. */
  async findingIds(
    keys: readonly { detector: string; subject: string }[],
  ): Promise<Map<string, number>> {
    const rows = await this.statements.query<{ key: string; id: number }>(
      `select detector || ' ' || subject as key, id from ip_tracking.suspicious_ip
        where subject_kind = 'client' and (detector, subject) in (
          select detector, subject from jsonb_to_recordset($1::jsonb) as f(detector text, subject text))`,
      [JSON.stringify(keys)],
    );
    return new Map(rows.map(({ key, id }) => [key, id]));
  }

  /** Stores the rules of bans. One that a person has made for ever under the same source stays as it is, and is not given back. */
  async saveRules(rules: readonly BanRule[]): Promise<Map<string, number>> {
    if (rules.length === 0) return new Map();
    const rows = await this.statements.query<{ banId: string; id: number }>(
      `with saved as (
         insert into ip_tracking.ip_rule as known (action, network, reason, source, created_by, expires_at, finding_id, ban_id)
         select action, network::cidr, reason, '${BAN_SOURCE}', '${BAN_SOURCE}',
                clock_timestamp() + "forMs" * interval '1 millisecond', "findingId", "banId"
           from jsonb_to_recordset($1::jsonb)
             as r(action text, network text, reason text, "forMs" float8, "findingId" integer, "banId" uuid)
         on conflict (action, network, source) do update
            set reason = excluded.reason, created_by = excluded.created_by, expires_at = excluded.expires_at,
                finding_id = excluded.finding_id, ban_id = excluded.ban_id
          where known.expires_at is not null
         returning id, ban_id)
       select id, ban_id as "banId" from saved`,
      [JSON.stringify(rules)],
    );
    return new Map(rows.map(({ banId, id }) => [banId, id]));
  }

  async note(events: readonly NewBanEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.statements.query(
      `insert into ip_tracking.ban_event (event, action, ban_id, network, subject, detector, finding_id, rule_id, code, reason,
                                          ends_at, actor, clients)
       select event, action, "banId", network::cidr, subject, detector, "findingId", "ruleId", code, reason,
              clock_timestamp() + "forMs" * interval '1 millisecond', actor, coalesce(clients, 1)
         from jsonb_to_recordset($1::jsonb)
           as e(event text, action text, "banId" uuid, network text, subject text, detector text, "findingId" integer,
                "ruleId" integer, code text, reason text, "forMs" float8, actor text, clients integer)
       on conflict (ban_id, event) where event in ('ban', 'prolongation') do nothing`,
      [JSON.stringify(events)],
    );
  }

  /** Ends every ban that shares an address with a network. @returns the rules that were removed. */
  async endBans(network: string): Promise<IpRule[]> {
    return this.statements.query<IpRule>(
      `with removed as (
         delete from ip_tracking.ip_rule where ban_id is not null and network && $1::cidr returning *)
       select ${RULE_COLUMNS} from removed order by id`,
      [network],
    );
  }

  /** Whether there was a ban of a network within 30 days, or there are bans whose addresses are stored nowhere. */
  async hasBans(network: string): Promise<boolean> {
    const [row] = await this.statements.query<{ has: boolean }>(
      `select exists (select from ip_tracking.ban_event
                       where event = 'ban' and network && $1::cidr and happened_at > now() - interval '30 days')
           or exists (select from ip_tracking.ban_event
                       where event = 'ban' and network is null and ends_at > clock_timestamp()) as has`,
      [network],
    );
    return row?.has === true;
  }

  /**
   * Waits for whoever stores findings of the clients of a network. Who writes bans has findings first and is alone then: who
   * ended bans the other way round would wait for them, and they for them.
   */
  async lockFindings(network: string): Promise<void> {
    await this.statements.query(
      `select from ip_tracking.suspicious_ip
        where subject_kind = 'client' and ip_address && $1::inet and resolved_at is null
        order by id for no key update`,
      [network],
    );
  }

  /** Settles what was found of the clients of a network. */
  async settleFindings(network: string, by: string): Promise<void> {
    await this.statements.query(
      `with settled as (
         update ip_tracking.suspicious_ip set resolved_at = clock_timestamp(), resolved_by = $2, note = coalesce(note, 'pardoned')
          where subject_kind = 'client' and ip_address && $1::inet and resolved_at is null returning id)
       select count(*) from settled`,
      [network, by],
    );
  }

  /** Removes the rules of bans that are over, and notes their ends. */
  async expire(): Promise<number> {
    await this.alone(BAN_SOURCE);
    const rows = await this.statements.query<{ count: number }>(
      `with gone as (
         delete from ip_tracking.ip_rule where ban_id is not null and expires_at <= clock_timestamp() returning *),
       noted as (
         insert into ip_tracking.ban_event (event, action, ban_id, network, finding_id, rule_id, ends_at, actor)
         select 'expiry', action, ban_id, network, finding_id, id, expires_at, '${BAN_SOURCE}' from gone returning id)
       select count(*)::integer as count from noted`,
    );
    return rows[0]?.count ?? 0;
  }

  /** The bans and pardons of the last 30 days after an event, the oldest first; the last ones where they are too many. */
  async remembered(afterId: number): Promise<RememberedEvent[]> {
    const rows = await this.statements.query<RememberedEvent>(
      `select id::float8 as id, event, action, ban_id as "banId", network::text, ${MS('clock_timestamp() - happened_at')} as "agoMs",
              ${MS('ends_at - clock_timestamp()')} as "endsInMs"
         from ip_tracking.ban_event
        where id > $1 and event in ('ban', 'prolongation', 'pardon') and network is not null
          and happened_at > now() - interval '30 days'
        order by ban_event.id desc limit ${MAX_REMEMBERED}`,
      [afterId],
    );
    return rows.toReversed();
  }

  /** What has become of a network, the last first. */
  async history(network: Prefix): Promise<BanEvent[]> {
    return this.statements.query<BanEvent>(
      `select id::float8 as id, happened_at as "happenedAt", event, action, ban_id as "banId", network::text, subject, detector,
              finding_id as "findingId", rule_id as "ruleId", code, reason, ends_at as "endsAt", actor, clients
         from ip_tracking.ban_event where network && $1::cidr
        order by ban_event.id desc limit ${MAX_SHOWN}`,
      [network.toString()],
    );
  }
}
