import type { Database } from '../database/database.js';
import type { PlacedRecord, RequestSink } from './request-record.js';

/**
 * One array a column instead of one parameter a value: the statement is the same for every size of batch, and 65,535
 * parameters are never near. A record that is already there is passed over, so that a batch whose COMMIT was answered
 * to nobody can simply be sent again.
 */
const INSERT = `
  insert into ip_tracking.request_log (
    id, "timestamp", ip_address, ip_source, method, path, route, status, outcome, duration_us,
    country, city, user_agent, user_id, sensitive, rule_id)
  select * from unnest(
    $1::uuid[], $2::timestamptz[], $3::inet[], $4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[],
    $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::boolean[], $16::integer[])
  on conflict do nothing`;

const COLUMNS: readonly ((record: PlacedRecord) => unknown)[] = [
  (record) => record.id,
  (record) => new Date(record.timestampMs).toISOString(),
  (record) => record.ip?.toString() ?? null,
  (record) => record.ipSource,
  (record) => record.method,
  (record) => record.path,
  (record) => record.route,
  (record) => record.status,
  (record) => record.outcome,
  (record) => record.durationUs,
  (record) => record.country,
  (record) => record.city,
  (record) => record.userAgent,
  (record) => record.userId,
  (record) => record.sensitive,
  (record) => record.ruleId,
];

/** Writes records into `ip_tracking.request_log`. */
export class PostgresSink implements RequestSink {
  constructor(private readonly database: Database) {}

  async write(records: readonly PlacedRecord[]): Promise<void> {
    await this.database.query(
      INSERT,
      COLUMNS.map((column) => records.map(column)),
    );
  }
}
