import type { Database } from '../database/database.js';
import type { IpAddress } from '../net/ip-address.js';
import { trackerKey } from '../net/tracker-key.js';

const DAY_MS = 86_400_000;
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

  /** Deletes the rows of a day that hold one of the forms. */
  async deleteRows(dayMs: number, forms: readonly IpAddress[]): Promise<number> {
    return this.count(
      `delete from ip_tracking.request_log
        where "timestamp" >= $1 and "timestamp" < $2 and ip_address = any($3::inet[])`,
      [...boundsOf(dayMs), forms.map(String)],
    );
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
      `select min(flagged_at) as "from", max(last_seen_at) as "to" from ip_tracking.suspicious_ip`,
    );
    if (!row?.from || !row.to) return null;
    return { fromMs: row.from.getTime(), toMs: row.to.getTime() };
  }

  /** Deletes the findings about the clients that the forms belong to: IPv6 is found by its /64. */
  async deleteFindings(forms: readonly IpAddress[]): Promise<number> {
    return this.count(`delete from ip_tracking.suspicious_ip where ip_address = any($1::inet[])`, [
      clientsOf(forms),
    ]);
  }

  async findings(forms: readonly IpAddress[]): Promise<Record<string, unknown>[]> {
    return this.manager.query(
      `select * from ip_tracking.suspicious_ip
        where ip_address = any($1::inet[]) order by flagged_at, id`,
      [clientsOf(forms)],
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
