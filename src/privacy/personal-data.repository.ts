import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database/database.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import { trackerKey } from '../net/tracker-key.js';

const DAY_MS = 86_400_000;
/** A batch of the log is given up by PostgreSQL long before. */
const WRITERS_PATIENCE_MS = 30_000;
/** The finding of a user or a route lists the clients that it was made of. */
const LISTS_CLIENTS = `subject_kind <> 'client' and jsonb_typeof(evidence->'clients') = 'array' and evidence->'clients' ?| $1::text[]`;
const PARTITION = '^request_log_[0-9]{8}$';

/** What statements are run by: the database, or a transaction of it. */
interface Manager {
  query<Row>(sql: string, parameters?: unknown[]): Promise<Row[]>;
}

/** Finds an address in the tables, whatever it was stored as. */
export class PersonalDataRepository {
  constructor(
    private readonly database: Database,
    private readonly manager: Manager = database,
  ) {}

  /** Runs `work` in one transaction. */
  transaction<T>(work: (stored: PersonalDataRepository) => Promise<T>): Promise<T> {
    return this.database.transaction((manager) =>
      work(
        new PersonalDataRepository(this.database, {
          query: (sql, parameters) => manager.query(sql, parameters),
        }),
      ),
    );
  }

  /** The days (UTC) that the request log may have rows of, by their first milliseconds; the earliest first. */
  async days(): Promise<number[]> {
    const rows = await this.manager.query<{ day: Date }>(
      `select to_date(right(relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' as day
         from pg_class join pg_inherits on inhrelid = pg_class.oid
        where inhparent = 'ip_tracking.request_log'::regclass and relname ~ '${PARTITION}'
       union
       select distinct date_trunc('day', "timestamp", 'UTC') from ip_tracking.request_log_default
        order by 1`,
    );
    return rows.map(({ day }) => day.getTime());
  }

  /**
   * Notes that rows of these addresses are not wanted whose requests were made before a moment: the later of this
   * process' clock and PostgreSQL's. Whoever writes such rows from now on deletes them in the same transaction.
   *
   * @returns that moment, in epoch milliseconds.
   */
  async markErased(forms: readonly IpAddress[], nowMs: number): Promise<number> {
    const [row] = await this.manager.query<{ before: Date }>(
      `with moment as (select greatest(clock_timestamp(), $2::timestamptz) as before),
            marked as (
              insert into ip_tracking.erased_address (ip_address, erased_before)
              select distinct form, before from moment, unnest($1::inet[]) as form
              on conflict (ip_address) do update
                 set erased_before = greatest(erased_address.erased_before, excluded.erased_before))
       select before from moment`,
      [forms.map(String), new Date(nowMs)],
    );
    return row?.before.getTime() ?? nowMs;
  }

  /**
   * Waits for those who were writing to the log when this was called: they may not have seen what {@link markErased}
   * has noted, and their rows cannot be seen yet. Nobody is held up.
   *
   * @throws IpTrackingError `IPT_LOG_BUSY` where one of them does not end.
   */
  async writersDone(): Promise<void> {
    const deadline = performance.now() + WRITERS_PATIENCE_MS;
    for (let writers = await this.writers(null); writers.length > 0;) {
      if (performance.now() > deadline) {
        throw new IpTrackingError(
          'IPT_LOG_BUSY',
          `a transaction has been writing to ip_tracking.request_log for more than ${WRITERS_PATIENCE_MS / 1_000} s: end it, then repeat`,
        );
      }
      await sleep(20);
      writers = await this.writers(writers);
    }
  }

  /** Which of these records the table has, by their ids. */
  async arrived(records: readonly { id: string; timestamp: Date }[]): Promise<Set<string>> {
    const rows = await this.manager.query<{ id: string }>(
      `select log.id from unnest($1::uuid[], $2::timestamptz[]) as record(id, "timestamp")
         join ip_tracking.request_log as log
           on log.id = record.id and log."timestamp" = record."timestamp"`,
      [records.map(({ id }) => id), records.map(({ timestamp }) => timestamp)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** What is noted of an address that was erased, for as long as records of it may still come. */
  async marks(forms: readonly IpAddress[]): Promise<Record<string, unknown>[]> {
    return this.manager.query(
      `select ip_address, erased_before from ip_tracking.erased_address
        where ip_address = any($1::inet[]) order by ip_address`,
      [forms.map(String)],
    );
  }

  /** Deletes the rows of a day that hold one of the forms. */
  async deleteRows(dayMs: number, forms: readonly IpAddress[]): Promise<number> {
    const [row] = await this.manager.query<{ count: number }>(
      `select ip_tracking.erase_requests($1::date, $2::inet[]) as count`,
      [new Date(dayMs).toISOString().slice(0, 10), forms.map(String)],
    );
    return row?.count ?? 0;
  }

  /** The rows of a day that hold one of the forms, the oldest first. */
  async rows(dayMs: number, forms: readonly IpAddress[]): Promise<Record<string, unknown>[]> {
    return this.manager.query(
      `select * from ip_tracking.request_log
        where "timestamp" >= $1 and "timestamp" < $2 and ip_address = any($3::inet[])
        order by "timestamp", id`,
      [...boundsOf(dayMs), forms.map(String)],
    );
  }

  /** From when to when clients have been found, in epoch milliseconds; null where nobody has. */
  async findingsSpan(): Promise<{ fromMs: number; toMs: number } | null> {
    const [row] = await this.manager.query<{ from: Date | null; to: Date | null }>(
      `select min(least(flagged_at, first_seen_at)) as "from", max(greatest(updated_at, last_seen_at)) as "to" from ip_tracking.suspicious_ip`,
    );
    if (!row?.from || !row.to) return null;
    return { fromMs: row.from.getTime(), toMs: row.to.getTime() };
  }

  /**
   * Deletes the findings about the clients that the forms belong to, IPv6 by its /64, and takes them out of the evidence
   * of others.
   */
  async deleteFindings(forms: readonly IpAddress[]): Promise<number> {
    await this.manager.query(
      `update ip_tracking.suspicious_ip set evidence = jsonb_set(evidence, '{clients}', (evidence->'clients') - $1::text[])
        where ${LISTS_CLIENTS}`,
      [clientsOf(forms)],
    );
    return this.count(`delete from ip_tracking.suspicious_ip where ip_address = any($1::inet[])`, [
      clientsOf(forms),
    ]);
  }

  async findings(forms: readonly IpAddress[]): Promise<Record<string, unknown>[]> {
    return this.manager.query(
      `select * from ip_tracking.suspicious_ip
        where ip_address = any($1::text[]::inet[]) or ${LISTS_CLIENTS} order by flagged_at, id`,
      [clientsOf(forms)],
    );
  }

  /**
   * Takes out of the audit of bans whom its entries were about, but for bans in force. @returns how many entries.
   */
  async deleteBanEvents(ip: IpAddress): Promise<number> {
    const [row] = await this.manager.query<{ count: number }>(
      `select ip_tracking.erase_ban_events($1::inet[]) as count`,
      [[trackerKey(ip)]],
    );
    return row?.count ?? 0;
  }

  /** What the audit of bans has of an address: IPv6 by its /64. */
  async banEvents(ip: IpAddress): Promise<Record<string, unknown>[]> {
    return this.manager.query(
      `select * from ip_tracking.ban_event where network = $1::inet::cidr order by id`,
      [trackerKey(ip)],
    );
  }

  /** The rules that name exactly this address. */
  async rules(ip: IpAddress): Promise<Record<string, unknown>[]> {
    return this.manager.query(
      `select id, action, network::text, reason, source, created_by, created_at, expires_at
         from ip_tracking.ip_rule where network = $1::inet::cidr order by id`,
      [ip.toString()],
    );
  }

  /** Forgets that an address was seen forwarding for others, as any client can say of itself. */
  async deleteForwarder(ip: IpAddress): Promise<void> {
    await this.manager.query(
      `delete from ip_tracking.protected_network where kind = 'forwarding peer' and network = $1::inet::cidr`,
      [ip.toString()],
    );
  }

  async forwarder(ip: IpAddress): Promise<Record<string, unknown>[]> {
    return this.manager.query(
      `select network::text, kind, announced_at from ip_tracking.protected_network
        where kind = 'forwarding peer' and network = $1::inet::cidr`,
      [ip.toString()],
    );
  }

  /** The transactions that write to the log: all of them, or those that are left of some. */
  private async writers(among: readonly string[] | null): Promise<string[]> {
    const rows = await this.manager.query<{ writer: string }>(
      `select distinct virtualtransaction as writer from pg_locks
        where locktype = 'relation' and granted and mode = 'RowExclusiveLock'
          and database = (select oid from pg_database where datname = current_database())
          and relation = 'ip_tracking.request_log'::regclass
          and pid <> pg_backend_pid() and ($1::text[] is null or virtualtransaction = any($1))`,
      [among],
    );
    return rows.map(({ writer }) => writer);
  }

  private async count(statement: string, parameters: unknown[]): Promise<number> {
    const [row] = await this.manager.query<{ count: number }>(
      `with gone as (${statement} returning 1) select count(*)::integer as count from gone`,
      parameters,
    );
    return row?.count ?? 0;
  }
}

function boundsOf(dayMs: number): [Date, Date] {
  return [new Date(dayMs), new Date(dayMs + DAY_MS)];
}

function clientsOf(forms: readonly IpAddress[]): string[] {
  return [...new Set(forms.map((ip) => trackerKey(ip)))];
}
