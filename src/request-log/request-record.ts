import type { IpAddress } from '../net/ip-address.js';
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
   * the same records, ids and all, come again.
   */
  write(records: readonly PlacedRecord[]): Promise<void>;
}
