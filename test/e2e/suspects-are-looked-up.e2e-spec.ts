import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/database/data-source.js';
import { detectionSettings } from '../../src/detection/detection.options.js';
import { LogScanRepository } from '../../src/detection/scan/log-scan.repository.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const FROM = new Date('2026-11-20T10:00:00Z');
const TO = new Date('2026-11-20T11:00:00Z');

describe('the scan', () => {
  let database: TestDatabase;
  let source: DataSource;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.query('select ip_tracking.make_partition($1::date, true)', [FROM]);
    await database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome,
              duration_us, sensitive, signals)
       select gen_random_uuid(), $1::timestamptz + n * interval '10 milliseconds', '10.0.0.0'::inet + n, 'socket', 'GET',
              '/login', 200, 'served', 100, n % 500 = 0, 0
         from generate_series(1, 100000) as n`,
      [FROM],
    );
    await database.query('vacuum analyze ip_tracking.request_log');
    source = await createDataSource({ url: database.url }, []).initialize();
  });
  afterAll(async () => {
    await source.destroy();
    await database.close();
  });

  it.each([
    { detectors: ['sensitive-path'] },
    { detectors: ['request-volume', 'sensitive-path'] },
    { detectors: null },
  ])(
    'looks each suspect up, and compares no client with the rows of another: $detectors',
    async ({ detectors: names }) => {
      const { detectors } = detectionSettings({});
      const chosen = detectors.filter(({ name }) => names === null || names.includes(name));
      const plans: string[] = [];
      let found = 0;
      await source.transaction(async (manager) => {
        const query = manager.query.bind(manager);
        manager.query = async (sql: string, values?: unknown[]) => {
          if (sql.includes('create temporary table ip_tracking_suspect')) {
            const lines = await query<{ 'QUERY PLAN': string }[]>(`explain ${sql}`, values);
            plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
          }
          return query(sql, values);
        };
        await new LogScanRepository(manager).run(
          chosen,
          { from: FROM, to: TO },
          async (findings) => void (found += findings.length),
        );
      });
      expect(found).toBe(200);
      expect(plans).toHaveLength(1);
      expect(plans[0]).toMatch(/Index Cond: \(\(ip_address >= /);
      expect(plans[0]).not.toMatch(/Materialize|Join Filter/);
    },
  );
});
