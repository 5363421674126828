import type { DataSource, QueryRunner } from 'typeorm';

/** The index of the whole table, and the rows that it holds, as the migration has them. */
const INDEX = 'ip_tracking.request_log_evidence';
const COLUMNS = `("timestamp") where (signals & 50855935) <> 0`;
/** Any constant will do, as long as every process that migrates uses the same. */
const BUILD_LOCK = 7_316_402_524;

/**
 * Builds the index of rows that speak against their client on the partitions which are older than it, one after the
 * other, while they are written to. Without it everything is right, and the scan reads more.
 *
 * @returns the partitions that it was built on.
 */
export async function buildEvidenceIndex(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    const missing = await partitionsWithout(runner);
    if (missing.length === 0 || !(await isAlone(runner))) return [];
    try {
      for (const partition of missing) await build(runner, partition);
      return missing;
    } finally {
      await runner.query('select pg_advisory_unlock($1)', [BUILD_LOCK]).catch(() => undefined);
    }
  } finally {
    await runner.release();
  }
}

async function partitionsWithout(runner: QueryRunner): Promise<string[]> {
  const rows = (await runner.query(
    `select child.relname as name
       from pg_inherits join pg_class as child on child.oid = inhrelid
      where inhparent = to_regclass('ip_tracking.request_log')
        and not exists (select from pg_index join pg_inherits as of_index on of_index.inhrelid = indexrelid
                         where indrelid = child.oid and of_index.inhparent = to_regclass($1))
      order by 1 desc`,
    [INDEX],
  )) as { name: string }[];
  return rows.map(({ name }) => name);
}

async function isAlone(runner: QueryRunner): Promise<boolean> {
  const [row] = (await runner.query('select pg_try_advisory_lock($1) as locked', [BUILD_LOCK])) as {
    locked: boolean;
  }[];
  return row?.locked === true;
}

/** What an earlier attempt has left half-way is of no use. */
async function build(runner: QueryRunner, partition: string): Promise<void> {
  const name = `${partition}_evidence`;
  const [left] = (await runner.query(
    `select indisvalid as "isValid" from pg_index where indexrelid = to_regclass($1)`,
    [`ip_tracking.${quoted(name)}`],
  )) as { isValid: boolean }[];
  if (left?.isValid === false) {
    await runner.query(`drop index concurrently ip_tracking.${quoted(name)}`);
  }
  if (left?.isValid !== true) {
    await runner.query(
      `create index concurrently ${quoted(name)} on ip_tracking.${quoted(partition)} ${COLUMNS}`,
    );
  }
  await runner.query(`alter index ${INDEX} attach partition ip_tracking.${quoted(name)}`);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
