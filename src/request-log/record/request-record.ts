import type { DecisionReason } from '../../edge/decision.js';
import type { IpAddress } from '../../net/ip-address.js';
import type { Lines } from './lines.js';
import type { Outcome } from './outcome.js';

/** One request as it is logged, by the names of the entity `RequestLog`. */
export interface RequestRecord {
  /** A UUIDv7, made in the app. */
  id: string;
  /** When the request arrived. */
  timestamp: Date;
  /** What is kept of the client IP, as `privacy.address` says; null for a peer without one. */
  ipAddress: string | null;
  /** What the address was read from: `socket`, `x-forwarded-for`, ... */
  ipSource: string;
  method: string;
  path: string;
  /** The pattern of the matched route. */
  route: string | null;
  status: number;
  outcome: Outcome;
  /** From the request's arrival to the response's close, in microseconds. */
  durationUs: number;
  userAgent: string | null;
  userId: string | null;
  sensitive: boolean;
  /** The stored rule that refused the request, or the monitor rule that matched it. */
  ruleId: number | null;
  /** Why the request was blocked; null where it was not. */
  reason: DecisionReason | null;
  /** How many other requests of its client, blocked by the same rule at the same moment, it stands for. Nearly always 0. */
  repeats: number;
  /**
   * What the request shows by itself, as bits: `1 << SIGNALS[name]` for each. Null where nobody has looked, as at what a
   * stored rule has refused.
   */
  signals: number | null;
  /** A keyed hash of whom credentials were for, where the app has said it; null where it has not. */
  attemptedUser: string | null;
  /** ISO 3166-1 alpha-2. */
  country: string | null;
  city: string | null;
  /** What the host adds. */
  extra?: Record<string, unknown> | null;
}

/** The same on its way to the table, in the form that costs least. */
export interface LogRecord extends Omit<RequestRecord, 'timestamp' | 'ipAddress'> {
  /** Epoch milliseconds. */
  timestampMs: number;
  ip: IpAddress | null;
}

/** A record as whoever is not on its way sees it. */
export function requestRecord({ id, timestampMs, ip, ...others }: LogRecord): RequestRecord {
  return { id, timestamp: new Date(timestampMs), ipAddress: ip?.toString() ?? null, ...others };
}

/** Where records go in the end: PostgreSQL here; Kafka, ClickHouse or a file elsewhere. */
export interface RequestSink {
  /**
   * Takes a batch. Resolves when all of it is kept; a rejection means that none of it may be taken for kept, and that
   * the same records, ids and all, come again. Records that were spooled by a process that was killed may come a second
   * time too. An error whose `code` is an SQLSTATE of class 22 or 23 says that the data is to blame: the batch is halved
   * until the records that are refused stand alone, and those are set aside.
   */
  write(records: readonly RequestRecord[]): Promise<void>;
  /** Lets go of what it holds, once nothing is written any more; a write that is under way may be cut off. */
  close?(): Promise<void> | void;
}

/** A sink that takes lines as they are, and spares the way back to records. */
export interface LineSink extends Pick<RequestSink, 'close'> {
  /**
   * @param only the one database that they may go to, as text of its identity; null for whichever is reached. Rejects
   *   where another one is, as if it could not be reached.
   */
  writeLines(lines: Lines, only: string | null): Promise<void>;
}
