import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSessionSource } from '../../src/database/data-source.js';
import { IP_TRACKING_MIGRATIONS, migrateDatabase } from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const LAST = 'RequestSignals1763794800000';

describe('a log that is older than its signals', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
    const source = createSessionSource({ url: database.url });
    await source.initialize();
    const later = IP_TRACKING_MIGRATIONS.length - IP_TRACKING_MIGRATIONS.findIndex(isLast);
    for (let step = 0; step < later; step += 1) await source.undoLastMigration();
    await source.destroy();
    await database.query(`select ip_tracking.make_partition('2026-01-01', true)`);
    await log('2026-01-01T10:00:00Z');
    await log('2020-01-01T10:00:00Z');
  });
  afterEach(() => database.close());

  const isLast = ({ name }: { name: string }): boolean => name === LAST;
  const log = (at: string) =>
    database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_source, method, path, status, outcome, duration_us)
       values (gen_random_uuid(), $1, 'socket', 'GET', '/', 200, 'served', 1)`,
      [at],
    );
  const places = () =>
    database.query(
      'select xmin::text, ctid::text, tableoid::text from ip_tracking.request_log order by 1, 2, 3',
    );
  const indexed = async () =>
    (
      await database.query<{ table: string }>(
        `select indrelid::regclass::text as table from pg_index
          join pg_inherits on inhrelid = indexrelid
         where inhparent = 'ip_tracking.request_log_evidence'::regclass and indisvalid order by 1`,
      )
    ).map(({ table }) => table.replace('ip_tracking.', ''));

  it('keeps its rows where they are, and is indexed as a whole', async () => {
    const before = await places();
    await migrateDatabase({ url: database.url });
    expect(await places()).toEqual(before);
    expect(await database.query('select distinct signals from ip_tracking.request_log')).toEqual([
      { signals: null },
    ]);
    await database.query(`select ip_tracking.make_partition('2026-01-02', false)`);
    await database.query(`select ip_tracking.make_partition('2020-01-01', true)`);
    expect(await indexed()).toEqual([
      'request_log_20200101',
      'request_log_20260101',
      'request_log_20260102',
      'request_log_default',
    ]);
  });

  it('is indexed by the next attempt where one was broken off half-way', async () => {
    const writer = new Client({ connectionString: database.url });
    await writer.connect();
    await migrateDatabase({ url: database.url });
    await database.query(`drop index ip_tracking.request_log_evidence`);
    await database.query(
      `create index request_log_evidence on only ip_tracking.request_log ("timestamp") where (signals & 50855935) <> 0`,
    );
    await writer.query(
      `begin; insert into ip_tracking.request_log_20260101 (id, "timestamp", ip_source, method, path, status, outcome, duration_us)
       values (gen_random_uuid(), '2026-01-01T11:00:00Z', 'socket', 'GET', '/', 200, 'served', 1)`,
    );
    // It waits for the writer, and nobody waits for it.
    const builder = new Client({ connectionString: database.url });
    await builder.connect();
    await builder.query(`set statement_timeout = '300ms'`);
    await expect(
      builder.query(
        `create index concurrently request_log_20260101_evidence on ip_tracking.request_log_20260101 ("timestamp") where (signals & 50855935) <> 0`,
      ),
    ).rejects.toThrow('statement timeout');
    await builder.end();
    await writer.query('commit');
    await writer.end();
    await migrateDatabase({ url: database.url });
    expect(await indexed()).toContain('request_log_20260101');
  });

  it('makes no writer wait behind a reader who does not end', async () => {
    const reader = new Client({ connectionString: database.url });
    await reader.connect();
    await reader.query(`begin; select count(*) from ip_tracking.request_log`);
    const migrated = migrateDatabase({ url: database.url });
    for (let row = 0; row < 5; row += 1) {
      await database.query(`set statement_timeout = '5s'`);
      await log(`2026-01-01T12:00:0${row}Z`);
    }
    await reader.query('commit');
    await reader.end();
    expect(await migrated).toContain(LAST);
  });
});
