import type { IpAddress } from '../net/ip-address.js';
import { parsePrefix, type Prefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import type { MatchedRules } from './decide.js';
import type { RuleAction } from './ip-rule.entity.js';

/** What the live copy keeps of a stored rule. */
export interface RuleRow {
  id: number;
  action: RuleAction;
  /** CIDR text. */
  network: string;
  /** Epoch milliseconds; null for never. */
  expiresAtMs: number | null;
}

/** A rule that could not be taken over, and why; the others hold. */
export interface RejectedRule {
  row: RuleRow;
  message: string;
}

/**
 * The rules as they stood at one version, immutable: a change of rules makes a new snapshot and replaces the old one in
 * a single assignment, so that no request ever sees half a change.
 */
export class RuleSnapshot {
  private constructor(
    readonly version: number,
    private readonly sets: Record<RuleAction, PrefixSet<number>>,
    /** By rule id, only for the rules that expire: most never do. */
    private readonly expiries: ReadonlyMap<number, number>,
  ) {}

  /** No rules at all: what holds until the first load. */
  static empty(): RuleSnapshot {
    return RuleSnapshot.from(-1, []);
  }

  /** Builds a snapshot; a row that is no network rejects itself through `onRejected`. */
  static from(
    version: number,
    rows: Iterable<RuleRow>,
    onRejected: (rejected: RejectedRule) => void = () => undefined,
  ): RuleSnapshot {
    const entries: Record<RuleAction, [Prefix, number][]> = { allow: [], block: [], monitor: [] };
    const expiries = new Map<number, number>();
    for (const row of rows) {
      const list = entries[row.action];
      if (list === undefined) {
        onRejected({ row, message: `"${String(row.action)}" is not an action` });
        continue;
      }
      const prefix = parsePrefix(row.network);
      if (prefix === null) {
        onRejected({ row, message: `"${row.network}" is not a network` });
        continue;
      }
      list.push([prefix, row.id]);
      if (row.expiresAtMs !== null) expiries.set(row.id, row.expiresAtMs);
    }
    return new RuleSnapshot(
      version,
      {
        allow: PrefixSet.from(entries.allow),
        block: PrefixSet.from(entries.block),
        monitor: PrefixSet.from(entries.monitor),
      },
      expiries,
    );
  }

  /** How many rules the snapshot holds, expired ones included. */
  get size(): number {
    return this.sets.allow.size + this.sets.block.size + this.sets.monitor.size;
  }

  /** The live rules that match `ip` at `nowMs` (epoch milliseconds). */
  match(ip: IpAddress, nowMs: number): MatchedRules {
    return {
      allow: this.longest('allow', ip, nowMs),
      block: this.longest('block', ip, nowMs),
      monitor: this.longest('monitor', ip, nowMs),
    };
  }

  private longest(action: RuleAction, ip: IpAddress, nowMs: number): number | null {
    const set = this.sets[action];
    const id = set.match(ip);
    if (id === undefined) return null;
    if (this.isLive(id, nowMs)) return id;
    // The longest has run out, but a shorter one around it may still hold.
    return set.matchWhere(ip, (other) => this.isLive(other, nowMs)) ?? null;
  }

  private isLive(id: number, nowMs: number): boolean {
    const expiresAtMs = this.expiries.get(id);
    return expiresAtMs === undefined || expiresAtMs > nowMs;
  }
}
