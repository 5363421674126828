import type { Database } from '../../database/database.js';
import type { RecordPrivacy } from '../../privacy/record-privacy.js';
import { parseIp } from '../../net/ip-address.js';
import { LineWriter } from '../record/line-writer.js';
import type { LineSink, RequestRecord } from '../record/request-record.js';

/** Writes records that were made elsewhere into the table: each id once, however often it comes. */
export class ImportedRequestsRepository {
  constructor(
    private readonly database: Database,
    private readonly privacy: RecordPrivacy,
    private readonly sink: LineSink,
  ) {}

  /** Writes records in one transaction, without what is not to be kept of them. */
  async write(records: readonly RequestRecord[]): Promise<void> {
    const writer = new LineWriter();
    for (const { timestamp, ipAddress, ...others } of records) {
      const ip = ipAddress === null ? null : parseIp(ipAddress);
      const record = { ...others, timestampMs: timestamp.getTime(), ip };
      this.privacy.apply(record);
      writer.add(record);
    }
    for (const lines of writer.take()) await this.sink.writeLines(lines, null);
  }

  /** When a record is said to have come; null where it is not there. */
  async timestampOf(id: string): Promise<Date | null> {
    const [row] = await this.database.query<{ timestamp: Date }>(
      'select "timestamp" from ip_tracking.request_log where id = $1 limit 1',
      [id],
    );
    return row?.timestamp ?? null;
  }
}
