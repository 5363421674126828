import { afterEach, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startHost, type Host } from '../support/host-app.js';

const HOUR_MS = 3_600_000;

/** What waits for its time, instead of for the clock on the wall. */
const { waiting, after } = vi.hoisted(() => {
  const list: { ms: number; call: () => void }[] = [];
  return {
    waiting: list,
    after: (ms: number, call: () => void): (() => void) => {
      const entry = { ms, call };
      list.push(entry);
      return () => void list.splice(list.indexOf(entry), 1);
    },
  };
});
vi.mock('../../src/hourly-work.js', async (original) => ({
  ...(await original<typeof import('../../src/hourly-work.js')>()),
  afterTimer: after,
}));

let host: Host;
afterEach(() => host.close());

it('the upkeep of the log goes on every hour, for as long as the app lives', async () => {
  host = await startHost({ adapter: 'fastify' });
  const { query } = host.database;
  const partitions = async (): Promise<string[]> =>
    (
      await query<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits
          where inhparent = 'ip_tracking.request_log'::regclass order by 1`,
      )
    ).map(({ name }) => name);
  const isDue = () => waiting.find(({ ms }) => ms === HOUR_MS);
  for (let hour = 0; hour < 3; hour += 1) {
    const due = await eventually(isDue, { what: `the wait for hour ${hour}`, withinMs: 20_000 });
    waiting.splice(waiting.indexOf(due), 1);
    const before = await partitions();
    const last = before.filter((name) => !name.endsWith('default')).at(-1)!;
    await query(`drop table ${last}`);
    expect(await partitions()).not.toContain(last);
    due.call();
    await eventually(async () => (await partitions()).includes(last), {
      what: `the partition ${last} again, in hour ${hour}`,
      withinMs: 20_000,
    });
    expect(await partitions()).toEqual(before);
  }
});
