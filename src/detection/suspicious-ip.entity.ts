import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A finding: what one detector has against one client. Found again, it is updated, not repeated. */
@Entity({ schema: 'ip_tracking', name: 'suspicious_ip', synchronize: false })
export class SuspiciousIp {
  @PrimaryColumn({ type: 'integer', generated: 'identity' })
  id!: number;

  /** An IPv4 address, or an IPv6 network such as `2001:db8::/64`: a client has a whole one to themselves. */
  @Column({ type: 'inet', name: 'ip_address' })
  ipAddress!: string;

  /** The name of the detector that found it. */
  @Column({ type: 'text' })
  detector!: string;

  /** A sentence for people. */
  @Column({ type: 'text' })
  reason!: string;

  /** The facts behind the reason. */
  @Column({ type: 'jsonb' })
  evidence!: Record<string, unknown>;

  /** When it was found first. */
  @Column({ type: 'timestamptz', name: 'flagged_at' })
  flaggedAt!: Date;

  /** When it was found last. */
  @Column({ type: 'timestamptz', name: 'last_seen_at' })
  lastSeenAt!: Date;
}
