import { LISTENER_NAME } from './notifications.js';
import type { Database } from './database.js';

/**
 * Notifies all processes that listen on a channel.
 *
 * @param message 8000 bytes at most, by PostgreSQL's own limit.
 * @returns how many processes of this module listen to this database.
 */
export async function announce(
  database: Database,
  channel: string,
  message: string,
): Promise<number> {
  const [row] = await database.query<{ listening: number }>(
    `select count(*)::int as listening
       from pg_stat_activity, (select pg_notify($1, $2)) as told
      where datname = current_database() and application_name = $3`,
    [channel, message, LISTENER_NAME],
  );
  return row?.listening ?? 0;
}
