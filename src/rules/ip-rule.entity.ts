import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a rule does with the addresses in its network. `monitor` only notes that it would have matched. */
export type RuleAction = 'allow' | 'block' | 'monitor';

/** Every {@link RuleAction}, for validation. */
export const RULE_ACTIONS = ['allow', 'block', 'monitor'] as const satisfies RuleAction[];

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
}
