import type { Finding } from '../detection/finding.js';
import type { HeldRule } from '../rules/held-rules.js';

/** A ban or a limit that follows from a finding, from the moment at which it is decided. */
export interface Ban extends HeldRule {
  /** Tells it from every other one, in every process. */
  readonly id: string;
  /** The network as text. */
  readonly text: string;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** How long a first one of its kind lasts, in milliseconds, and the number by which chance changes that. */
  readonly firstMs: number;
  readonly random: number;
  /** The most that it may last whatever came before, in milliseconds; null where nothing but its length bounds it. */
  readonly mostMs: number | null;
  /** Epoch milliseconds of the oldest evidence. */
  readonly evidenceFromMs: number;
  readonly score: number;
  readonly code: string;
  /** A sentence for people. */
  readonly reason: string;
  readonly finding: Finding;
  /** Whether the database may have its address; else it stays in this process. */
  readonly isStorable: boolean;
}

/** A ban as a file keeps it. */
export type WrittenBan = Omit<Ban, 'network'>;

/** What is told of a ban, and of its end. */
export interface BanTold {
  /** Tells the ban from every other one. */
  readonly id: string;
  readonly action: 'ban' | 'limit';
  /** The client's address, or its network. */
  readonly network: string;
  readonly until: Date;
  readonly reason: string;
  readonly detector: string;
}

/** A ban for whoever listens. */
export function toldOf({ id, action, text, untilMs, reason, finding }: Ban): BanTold {
  return {
    id,
    action: action === 'block' ? 'ban' : 'limit',
    network: text,
    until: new Date(untilMs),
    reason,
    detector: finding.detector,
  };
}
