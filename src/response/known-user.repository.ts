import type { Statements } from '../detection/finding-response.js';

/** Users who have not signed in for so long are forgotten. */
const FORGOTTEN_AFTER = `interval '30 days'`;

/** The only place that reads and writes `ip_tracking.known_user`: when users were first seen, by a keyed hash of each. */
export class KnownUserRepository {
  constructor(private readonly statements: Statements) {}

  /** Notes users who have signed in. @returns when each was seen first, in epoch milliseconds. */
  async seen(users: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.statements.query<{ user: string; firstMs: number }>(
      `with seen as (
         insert into ip_tracking.known_user as known (attempted_user)
         select distinct name from unnest($1::text[]) as name order by name
         on conflict (attempted_user) do update set last_seen_at = clock_timestamp()
          where known.last_seen_at < clock_timestamp() - interval '1 day'
         returning attempted_user)
       select name as "user", coalesce((extract(epoch from known.first_seen_at) * 1000)::float8,
                                       (extract(epoch from clock_timestamp()) * 1000)::float8) as "firstMs"
         from unnest($1::text[]) as name left join ip_tracking.known_user as known on known.attempted_user = name`,
      [users],
    );
    return new Map(rows.map(({ user, firstMs }) => [user, firstMs]));
  }

  async forgetOld(): Promise<void> {
    await this.statements.query(
      `with gone as (delete from ip_tracking.known_user where last_seen_at < clock_timestamp() - ${FORGOTTEN_AFTER} returning 1)
       select count(*) from gone`,
    );
  }
}
