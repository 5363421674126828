import type { IpAddress } from '../net/ip-address.js';
import type { MatchedRules } from './decide.js';
import type { RuleAction } from './ip-rule.entity.js';
import type { RuleRow, RuleTable } from './rule-table.js';
import { RuleTableBuilder, type RejectedRule } from './rule-table-builder.js';

/** One rule that has changed: what it is now, or null where it is gone. */
export interface RuleChange {
  ruleId: number;
  now: RuleRow | null;
}

const EMPTY_TABLE = new RuleTableBuilder().build();

/**
 * The rules as they stood at one version. A change makes a new snapshot and replaces the old one in a single
 * assignment, so that no request ever sees half a change.
 *
 * A snapshot is a big table that was loaded once, and a small one of what has changed since: one new rule among a
 * million must not cost the building of a million.
 */
export class RuleSnapshot {
  private constructor(
    /** The database's counter; -1 before the first load. */
    readonly version: number,
    private readonly baseVersion: number,
    private readonly base: RuleTable,
    private readonly recent: RuleTable,
    private readonly recentRows: ReadonlyMap<number, RuleRow>,
    /** The rules of the base that have changed or gone. */
    private readonly replaced: ReadonlySet<number>,
  ) {}

  /** No rules at all: what holds until the first load. */
  static empty(): RuleSnapshot {
    return RuleSnapshot.of(-1, EMPTY_TABLE);
  }

  /** The rules of a table. */
  static of(version: number, table: RuleTable): RuleSnapshot {
    return new RuleSnapshot(version, version, table, EMPTY_TABLE, new Map(), new Set());
  }

  /** How many rules there are, expired ones included; what has changed since the table was loaded counts as it is now. */
  get size(): number {
    return this.base.size - this.base.count(this.replaced) + this.recent.size;
  }

  /** How many rules have changed since the table was loaded: with many, loading it anew is cheaper. */
  get changes(): number {
    return this.replaced.size;
  }

  /** What has changed since the table was loaded, each rule as it is now. */
  changesSinceBase(): { base: number; version: number; changes: RuleChange[] } {
    const changes = [...this.replaced].map((ruleId) => ({
      ruleId,
      now: this.recentRows.get(ruleId) ?? null,
    }));
    return { base: this.baseVersion, version: this.version, changes };
  }

  /** The snapshot after these changes, oldest first. */
  with(
    version: number,
    changes: readonly RuleChange[],
    onRejected?: (rejected: RejectedRule) => void,
  ): RuleSnapshot {
    const rows = new Map(this.recentRows);
    const replaced = new Set(this.replaced);
    for (const { ruleId, now } of changes) {
      replaced.add(ruleId);
      if (now === null) rows.delete(ruleId);
      else rows.set(ruleId, now);
    }
    const builder = new RuleTableBuilder(onRejected);
    for (const row of [...rows.values()].sort(byNetwork)) builder.add(row);
    return new RuleSnapshot(version, this.baseVersion, this.base, builder.build(), rows, replaced);
  }

  /** The live rules that match `ip` at `nowMs` (epoch milliseconds). */
  match(ip: IpAddress, nowMs: number): MatchedRules {
    return {
      allow: this.longest('allow', ip, nowMs),
      block: this.longest('block', ip, nowMs),
      limit: this.longest('limit', ip, nowMs),
      monitor: this.longest('monitor', ip, nowMs),
    };
  }

  private longest(action: RuleAction, ip: IpAddress, nowMs: number): number | null {
    if (this.recent.size === 0) return this.base.longest(action, ip, nowMs, this.replaced);
    const recent = this.recent.longestMatch(action, ip, nowMs);
    const old = this.base.longestMatch(action, ip, nowMs, this.replaced);
    if (recent === null || old === null) return (recent ?? old)?.ruleId ?? null;
    return (old.prefixLength > recent.prefixLength ? old : recent).ruleId;
  }
}

/** Rules for the same network together, and of those the one that lasts longest last. */
function byNetwork(a: RuleRow, b: RuleRow): number {
  return (
    compare(a.action, b.action) ||
    compare(a.network, b.network) ||
    compare(a.expiresAtMs ?? Infinity, b.expiresAtMs ?? Infinity) ||
    a.id - b.id
  );
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
