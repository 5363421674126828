import type { IpAddress } from '../../net/ip-address.js';
import type { Lines } from './lines.js';
import type { Outcome } from './outcome.js';

/** What is kept of one request on its way to the table. */
export interface RequestRecord {
  id: string;
  /** Epoch milliseconds. */
  timestampMs: number;
  ip: IpAddress | null;
  ipSource: string;
  method: string;
  path: string;
  route: string | null;
  status: number;
  outcome: Outcome;
  durationUs: number;
  userAgent: string | null;
  userId: string | null;
  sensitive: boolean;
  ruleId: number | null;
  /** What the host adds; stored as `jsonb`. */
  extra?: Record<string, unknown> | null;
}

/** A record with what is looked up off the request's path. */
export interface PlacedRecord extends RequestRecord {
  country: string | null;
  city: string | null;
}

/** Where records go in the end: PostgreSQL here; Kafka, ClickHouse or a file elsewhere. */
export interface RequestSink {
  /**
   * Takes a batch. Resolves when all of it is kept; a rejection means that none of it may be taken for kept, and that
   * the same records, ids and all, come again. Records that were spooled by a process that was killed may come a second
   * time too. An error whose `code` is an SQLSTATE of class 22 or 23 says that the data is to blame: the batch is halved
   * until the records that are refused stand alone, and those are set aside.
   */
  write(records: readonly PlacedRecord[]): Promise<void>;
  /** Lets go of what it holds, once nothing is written any more; a write that is under way may be cut off. */
  close?(): Promise<void> | void;
}

/** A sink that takes lines as they are, and spares the way back to records. */
export interface LineSink extends RequestSink {
  writeLines(lines: Lines): Promise<void>;
}
