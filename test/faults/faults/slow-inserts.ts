import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { p99, type Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

/** Every write takes its time. */
export const slowInserts: Fault = {
  name: 'every insert slow',
  async run(drill) {
    const database = await drill.database();
    await database.query(
      `create function slow() returns trigger language plpgsql as
         $$ begin perform pg_sleep(${drill.scaled(0.4, 2)}); return null; end $$`,
    );
    await database.query(
      `create trigger slow after insert on ip_tracking.request_log for each statement execute function slow()`,
    );
    const app = await drill.app({ databaseUrl: database.url, stateDir: drill.folder() });
    const load = drill.load(() => app.url);
    await sleep(drill.scaled(1_500, 30_000));
    await load.stop();
    await drained([app], 60_000);
    const account = await expectIdentity(database.url, [load], [app]);
    expect(load.failed).toBe(0);
    return { ...figuresOf(account), 'p99 ms': p99(load) };
  },
};
