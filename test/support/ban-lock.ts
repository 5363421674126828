import { Client } from 'pg';
import { eventually } from './eventually.js';

/** What whoever writes bans, or ends them, has to wait for. */
const BAN_LOCK = '7316402521';

/** The lock of bans in a test's hands: who writes bans or ends them waits in line until it is let go. */
export interface HeldBanLock {
  /** Waits until so many are in line. */
  waiting(count: number): Promise<void>;
  release(): Promise<void>;
}

/** Takes the lock of bans. */
export async function holdBanLock(url: string): Promise<HeldBanLock> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`select pg_advisory_lock(${BAN_LOCK})`);
  let isHeld = true;
  return {
    waiting: async (count) => {
      await eventually(
        async () => {
          const { rows } = await client.query<{ waiting: number }>(
            `select count(*)::integer as waiting from pg_locks
              where locktype = 'advisory' and not granted
                and database = (select oid from pg_database where datname = current_database())`,
          );
          return rows[0]!.waiting === count;
        },
        { what: `${count} in line for the lock of bans` },
      );
    },
    release: async () => {
      if (!isHeld) return;
      isHeld = false;
      await client.end();
    },
  };
}
