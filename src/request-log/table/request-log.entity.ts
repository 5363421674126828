import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DecisionReason } from '../../edge/decision.js';
import type { Outcome } from '../record/outcome.js';

/** One request: who asked for what, when, from where, and what became of it. */
@Entity({ schema: 'ip_tracking', name: 'request_log', synchronize: false })
export class RequestLog {
  /** A UUIDv7 (RFC 9562 section 5.7), made in the app: the same record written twice is one row. */
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** When the request arrived; the table is partitioned by its day. */
  @PrimaryColumn({ type: 'timestamptz' })
  timestamp!: Date;

  /** The client IP, or null for a peer without one (a UNIX socket). */
  @Column({ type: 'inet', name: 'ip_address', nullable: true })
  ipAddress!: string | null;

  /** What the address was read from: `socket`, `x-forwarded-for`, ... */
  @Column({ type: 'text', name: 'ip_source' })
  ipSource!: string;

  @Column({ type: 'text' })
  method!: string;

  /** Without its query string. */
  @Column({ type: 'text' })
  path!: string;

  /** The pattern of the matched route, such as `/users/:id`. */
  @Column({ type: 'text', nullable: true })
  route!: string | null;

  /** The status that was sent, or would have been where the client left before it was. */
  @Column({ type: 'smallint' })
  status!: number;

  @Column({ type: 'text' })
  outcome!: Outcome;

  /** From the request's arrival to the response's close, in microseconds. A string, as PostgreSQL's bigint. */
  @Column({ type: 'bigint', name: 'duration_us' })
  durationUs!: string;

  /** ISO 3166-1 alpha-2. */
  @Column({ type: 'text', nullable: true })
  country!: string | null;

  @Column({ type: 'text', nullable: true })
  city!: string | null;

  @Column({ type: 'text', name: 'user_agent', nullable: true })
  userAgent!: string | null;

  @Column({ type: 'text', name: 'user_id', nullable: true })
  userId!: string | null;

  /** The route is `@Sensitive()` or the path is on the list of sensitive ones. */
  @Column({ type: 'boolean' })
  sensitive!: boolean;

  /** The stored rule that refused the request, or the monitor rule that matched it. */
  @Column({ type: 'integer', name: 'rule_id', nullable: true })
  ruleId!: number | null;

  /** Why this module has blocked the request: `rule`, `mode`, `country`, `decorator` or `no-rules`; null where it has not. */
  @Column({ type: 'text', nullable: true })
  reason!: DecisionReason | null;

  /** How many other requests of its client, blocked by the same rule at the same moment, it stands for. */
  @Column({ type: 'integer' })
  repeats!: number;

  /**
   * What the request shows by itself, as bits: `1 << SIGNALS[name]` for each. Null where nobody has looked. A string, as
   * PostgreSQL's bigint.
   */
  @Column({ type: 'bigint', nullable: true })
  signals!: string | null;

  /** A keyed hash of whom credentials were for, where the app has said it. */
  @Column({ type: 'text', name: 'attempted_user', nullable: true })
  attemptedUser!: string | null;

  @Column({ type: 'jsonb', nullable: true })
  extra!: Record<string, unknown> | null;

  /** When the row reached the database: later than `timestamp` by the batch, or by an outage. */
  @Column({ type: 'timestamptz', name: 'ingested_at' })
  ingestedAt!: Date;
}
