import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { migrateDatabase } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import type { TestDatabase } from '../../support/postgres.js';
import { p99, type Drill, type Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf, UNDER_LOAD } from '../identity.js';
import { query } from '../server-pool.js';

/** A database that there is, and that takes nothing for a while. */
interface Refusal {
  name: string;
  prepare?(database: TestDatabase): Promise<unknown>;
  begin(database: TestDatabase): Promise<unknown>;
  end(database: TestDatabase): Promise<unknown>;
}

/** What a trigger says in place of PostgreSQL: no disk, no memory, a lock that was a deadlock, a shutdown. */
const CODES = ['53100', '53200', '40001', '40P01', '57P03'];

/** After a failover nobody tells the pool: the sessions that it has stay with the server that has become a replica. */
export const readOnly = refusing({
  name: 'database read-only (25006)',
  begin: async (database) => {
    await database.query(`alter database ${database.name} set default_transaction_read_only = on`);
    await endSessions(database);
  },
  // The sessions that were opened meanwhile stay read-only.
  end: (database) =>
    query(
      database.url,
      'set default_transaction_read_only = off',
      `alter database ${database.name} reset default_transaction_read_only`,
    ),
});

export const tooManyConnections = refusing({
  name: 'too many connections (53300)',
  begin: async (database) => {
    await database.query(`alter role ${database.name} connection limit 0`);
    await endSessions(database);
  },
  end: (database) => database.query(`alter role ${database.name} connection limit -1`),
});

export const databaseFull = refusing({
  name: `database full or busy (${CODES.join(', ')})`,
  // Before the app is there: DDL on a table that is written to waits, and lets others wait.
  prepare: async (database) => {
    await database.query(`create table refusing (is_on boolean)`);
    await database.query(`create sequence refusals`);
    await database.query(`grant select on refusing to public`);
    await database.query(`grant usage on sequence refusals to public`);
    await database.query(
      `create function refuse() returns trigger language plpgsql as $$
       declare codes text[] := '{${CODES.join(',')}}';
       begin
         if exists (select from public.refusing) then
           raise exception 'refused' using errcode = codes[1 + nextval('public.refusals') % ${CODES.length}];
         end if;
         return new;
       end $$`,
    );
    await database.query(
      `create trigger refuse before insert on ip_tracking.request_log for each row execute function refuse()`,
    );
  },
  begin: (database) => database.query(`insert into refusing values (true)`),
  end: (database) => database.query(`delete from refusing`),
});

export const tableMissing = refusing({
  name: 'table missing (42P01)',
  begin: (database) => database.query(`alter table ip_tracking.request_log rename to away`),
  end: (database) => database.query(`alter table ip_tracking.away rename to request_log`),
});

/** Somebody ends the sessions again and again, in the middle of a COPY too. */
export const sessionsEnded: Fault = {
  name: 'sessions ended (pg_terminate_backend)',
  async run(drill) {
    const database = await ownedDatabase(drill);
    const app = await drill.app({ databaseUrl: database.appUrl, stateDir: drill.folder() });
    const load = drill.load(() => app.url);
    const until = performance.now() + drill.scaled(2_000, 30_000);
    let ended = 0;
    while (performance.now() < until) {
      ended += await endSessions(database);
      await sleep(Math.random() * 60);
    }
    await load.stop();
    await drained([app]);
    const account = await expectIdentity(database.url, [load], [app]);
    const { refused, retried } = await app.stats();
    expect(refused).toBe(0);
    expect(ended).toBeGreaterThan(0);
    expect(load.failed).toBe(0);
    return {
      ...figuresOf(account),
      'p99 ms': p99(load),
      ended: String(ended),
      retried: String(retried),
    };
  },
};

function refusing({ name, prepare, begin, end }: Refusal): Fault {
  return {
    name,
    async run(drill) {
      const database = await ownedDatabase(drill);
      await prepare?.(database);
      const app = await drill.app({ databaseUrl: database.appUrl, stateDir: drill.folder() });
      const load = drill.load(() => app.url);
      await eventually(async () => (await app.stats()).written > 0, { withinMs: 20_000 });
      await begin(database);
      await eventually(async () => (await app.stats()).isFailing, { withinMs: 20_000 });
      await sleep(drill.scaled(500, 15_000));
      await end(database);
      const backAt = performance.now();
      await drained([app], 30_000, UNDER_LOAD);
      const recoveredMs = performance.now() - backAt;
      await load.stop();
      await drained([app]);
      const account = await expectIdentity(database.url, [load], [app]);
      expect((await app.stats()).refused).toBe(0);
      expect(load.failed).toBe(0);
      return {
        ...figuresOf(account),
        'p99 ms': p99(load),
        'recovered after ms': recoveredMs.toFixed(0),
      };
    },
  };
}

/** A database whose owner may do in it what an app may, and nothing to the server. */
async function ownedDatabase(drill: Drill): Promise<TestDatabase & { appUrl: string }> {
  const database = await drill.database({ migrated: false });
  const { name } = database;
  await database.query(`create role ${name} login password 'drill'`);
  drill.onEnd(async () => {
    await database.query(`drop owned by ${name} cascade`);
    await database.query(`drop role ${name}`);
  });
  await database.query(`grant create on database ${name} to ${name}`);
  const url = new URL(database.url);
  url.username = name;
  url.password = 'drill';
  await migrateDatabase({ url: url.href });
  return { ...database, appUrl: url.href };
}

/** Ends the sessions of the app in a database. */
async function endSessions({ query: run, name }: TestDatabase): Promise<number> {
  const rows = await run(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = $1`,
    [name],
  );
  return rows.length;
}
