import type { IpAddress } from '../net/ip-address.js';
import type { PrefixSet } from '../net/prefix-set.js';
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

/** One live rule that matches, and how specific it is. */
export interface RuleMatch {
  ruleId: number;
  prefixLength: number;
}

/** The columns of a {@link RuleTable}. */
export interface RuleColumns {
  /** Rows by network. */
  sets: Readonly<Record<RuleAction, PrefixSet<number>>>;
  /** Rule id by row. */
  ids: Int32Array;
  /** Epoch milliseconds by row, `Infinity` for never; null where no rule of the table expires. */
  expiresAt: Float64Array | null;
  /** By row: another rule for the same action and network, from another source. Few rules have one. */
  sameNetwork: ReadonlyMap<number, number>;
}

const NOTHING: ReadonlySet<number> = new Set();

/**
 * Rules in typed arrays, no object a rule, so that a million of them are a few tens of megabytes and no work for the
 * garbage collector. It never changes once it is built.
 */
export class RuleTable {
  constructor(private readonly columns: RuleColumns) {}

  /** How many rules it holds, expired ones included. */
  get size(): number {
    return this.columns.ids.length;
  }

  /** How many of these rules are in the table. */
  count(ruleIds: ReadonlySet<number>): number {
    if (ruleIds.size === 0) return 0;
    return this.columns.ids.reduce((count, id) => (ruleIds.has(id) ? count + 1 : count), 0);
  }

  /**
   * The id of the live rule with the longest prefix; null where there is none.
   *
   * @param replaced ids of rules that no longer hold as they stand here.
   */
  longest(
    action: RuleAction,
    ip: IpAddress,
    nowMs: number,
    replaced: ReadonlySet<number> = NOTHING,
  ): number | null {
    const { sets, ids, expiresAt } = this.columns;
    const row = sets[action].match(ip);
    if (row === undefined) return null;
    if (expiresAt === null && replaced.size === 0) return ids[row]!;
    return this.longestMatch(action, ip, nowMs, replaced)?.ruleId ?? null;
  }

  /** As {@link longest}, with the length of its prefix. */
  longestMatch(
    action: RuleAction,
    ip: IpAddress,
    nowMs: number,
    replaced: ReadonlySet<number> = NOTHING,
  ): RuleMatch | null {
    let found: RuleMatch | null = null;
    this.columns.sets[action].walk(ip, (row, prefixLength) => {
      const ruleId = this.liveRule(row, nowMs, replaced);
      // The longest may have run out, while a shorter one around it still holds.
      if (ruleId === null) return true;
      found = { ruleId, prefixLength };
      return false;
    });
    return found;
  }

  private liveRule(first: number, nowMs: number, replaced: ReadonlySet<number>): number | null {
    const { ids, expiresAt, sameNetwork } = this.columns;
    for (let row: number | undefined = first; row !== undefined; row = sameNetwork.get(row)) {
      const isExpired = expiresAt !== null && expiresAt[row]! <= nowMs;
      if (!isExpired && !replaced.has(ids[row]!)) return ids[row]!;
    }
    return null;
  }
}
