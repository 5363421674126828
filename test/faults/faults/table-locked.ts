import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect } from 'vitest';
import { p99, type Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

/** Somebody holds the table. */
export const tableLocked: Fault = {
  name: 'ACCESS EXCLUSIVE lock',
  async run(drill) {
    const database = await drill.database();
    const app = await drill.app({ databaseUrl: database.url, stateDir: drill.folder() });
    const load = drill.load(() => app.url);
    await sleep(300);
    const other = new Client({ connectionString: database.url });
    await other.connect();
    await other.query('begin; lock table ip_tracking.request_log in access exclusive mode');
    await sleep(drill.scaled(1_500, 60_000));
    const [connections] = await database.query<{ count: string }>(
      `select count(*) from pg_stat_activity where datname = $1 and application_name = 'nestjs-ip-tracking'`,
      [database.name],
    );
    await other.query('rollback');
    await other.end();
    await load.stop();
    await drained([app]);
    const account = await expectIdentity(database.url, [load], [app]);
    expect(load.failed).toBe(0);
    expect(Number(connections!.count)).toBeLessThanOrEqual(2);
    return { ...figuresOf(account), 'p99 ms': p99(load), connections: connections!.count };
  },
};
