import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SubjectKind } from './detector.js';

/** A finding: what one detector has against one subject. Found again, it is updated, not repeated. */
@Entity({ schema: 'ip_tracking', name: 'suspicious_ip', synchronize: false })
export class SuspiciousIp {
  @PrimaryColumn({ type: 'integer', generated: 'identity' })
  id!: number;

  /** What it is about: a `client`, a `user` or a `route`. */
  @Column({ type: 'text', name: 'subject_kind' })
  subjectKind!: SubjectKind;

  /** A client's address, or the network of an IPv6 one; a user's id; a route's pattern. */
  @Column({ type: 'text' })
  subject!: string;

  /** An IPv4 address, or an IPv6 network such as `2001:db8::/64`: a client has a whole one to themselves. Null for others. */
  @Column({ type: 'inet', name: 'ip_address', nullable: true })
  ipAddress!: string | null;

  /** The name of the detector that found it. */
  @Column({ type: 'text' })
  detector!: string;

  /** A sentence for people. */
  @Column({ type: 'text' })
  reason!: string;

  /** The facts behind the reason. */
  @Column({ type: 'jsonb' })
  evidence!: Record<string, unknown>;

  /** What it adds to the score of its subject while it is fresh, from 0 to 100. */
  @Column({ type: 'real' })
  weight!: number;

  /** When the first of the requests was made that it rests on. */
  @Column({ type: 'timestamptz', name: 'first_seen_at' })
  firstSeenAt!: Date;

  /** When the last of them was made. */
  @Column({ type: 'timestamptz', name: 'last_seen_at' })
  lastSeenAt!: Date;

  /** When it was found first. */
  @Column({ type: 'timestamptz', name: 'flagged_at' })
  flaggedAt!: Date;

  /** When it was found last. */
  @Column({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;

  /** When somebody settled it; only what is done after that brings it back. */
  @Column({ type: 'timestamptz', name: 'resolved_at', nullable: true })
  resolvedAt!: Date | null;

  @Column({ type: 'text', name: 'resolved_by', nullable: true })
  resolvedBy!: string | null;

  /** What people want to remember of it. */
  @Column({ type: 'text', nullable: true })
  note!: string | null;
}
