import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * What a rule does with the addresses in its network. `limit` lets each of its clients make so many requests a minute;
 * `monitor` only notes that it would have matched.
 */
export type RuleAction = 'allow' | 'block' | 'limit' | 'monitor';

/** Every {@link RuleAction}, for validation. */
export const RULE_ACTIONS = ['allow', 'block', 'limit', 'monitor'] as const satisfies RuleAction[];

/** A stored rule: what happens to one network, why, by whom and until when. */
@Entity({ schema: 'ip_tracking', name: 'ip_rule', synchronize: false })
export class IpRule {
  @PrimaryColumn({ type: 'integer', generated: 'identity' })
  id!: number;

  @Column({ type: 'text' })
  action!: RuleAction;

  /** CIDR text as PostgreSQL writes it, such as `203.0.113.7/32`. */
  @Column({ type: 'cidr' })
  network!: string;

  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  /** Where the rule came from: `manual`, `cli`, a feed, a detector. A repeat from the same source updates the rule. */
  @Column({ type: 'text' })
  source!: string;

  @Column({ type: 'text', name: 'created_by', nullable: true })
  createdBy!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** When the rule stops acting; null for never. */
  @Column({ type: 'timestamptz', name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** The finding that a ban follows from; null for what people and feeds have made. */
  @Column({ type: 'integer', name: 'finding_id', nullable: true })
  findingId!: number | null;

  /** Tells a ban of detection from every other one; null for what people and feeds have made. */
  @Column({ type: 'uuid', name: 'ban_id', nullable: true })
  banId!: string | null;
}
