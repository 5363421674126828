import { requireIp } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';
import { IpRule, type RuleAction } from '../rules/ip-rule.entity.js';
import type { IpRuleRepository, NewIpRule } from '../rules/ip-rule.repository.js';
import { requirePrefix } from '../rules/rule-input.js';
import type { RuleRow } from '../rules/rule-table.js';

/** Stored rules in memory: what the table does, without its audit. */
export class MemoryRules implements Pick<IpRuleRepository, keyof IpRuleRepository> {
  private readonly rules = new Map<string, IpRule>();
  private changes = 0;
  private lastId = 0;

  /** @param now epoch milliseconds. */
  constructor(private readonly now: () => number) {}

  version(): Promise<number> {
    return Promise.resolve(this.changes);
  }

  async stream(onRows: (rows: RuleRow[]) => void | Promise<void>): Promise<number> {
    const rows = this.sorted(false).map(({ id, action, network, expiresAt }) => ({
      id,
      action,
      network,
      expiresAtMs: expiresAt?.getTime() ?? null,
    }));
    await onRows(rows);
    return this.changes;
  }

  /** Never tells the whole story: there are few rules, and all of them are read anew. */
  changesSince(): Promise<null> {
    return Promise.resolve(null);
  }

  save(rule: NewIpRule): Promise<IpRule> {
    const key = `${rule.action} ${rule.network} ${rule.source}`;
    const known = this.rules.get(key);
    const id = known?.id ?? (this.lastId += 1);
    const createdAt = known?.createdAt ?? new Date(this.now());
    const saved = Object.assign(new IpRule(), {
      createdAt,
      findingId: null,
      banId: null,
      ...rule,
      id,
    });
    this.rules.set(key, saved);
    this.changes += 1;
    return Promise.resolve(saved);
  }

  remove(action: RuleAction, network: string): Promise<IpRule[]> {
    const removed: IpRule[] = [];
    for (const [key, rule] of this.rules) {
      if (rule.action !== action || rule.network !== network) continue;
      this.rules.delete(key);
      removed.push(rule);
    }
    if (removed.length > 0) this.changes += 1;
    return Promise.resolve(removed);
  }

  matching(ipAddress: string): Promise<IpRule[]> {
    const ip = requireIp(ipAddress);
    return this.live((prefix) => prefix.contains(ip));
  }

  overlapping(action: RuleAction, network: Prefix): Promise<IpRule[]> {
    return this.live((prefix, rule) => rule.action === action && prefix.overlaps(network));
  }

  covering(action: RuleAction, network: string): Promise<IpRule[]> {
    const inner = requirePrefix(network);
    return this.live(
      (prefix, rule) =>
        rule.action === action && prefix.containsPrefix(inner) && !prefix.equals(inner),
    );
  }

  list(options: { includeExpired?: boolean } = {}): Promise<IpRule[]> {
    return Promise.resolve(this.sorted(options.includeExpired === true));
  }

  /** The rules that act and are wanted, the most specific first. */
  private live(isWanted: (prefix: Prefix, rule: IpRule) => boolean): Promise<IpRule[]> {
    const found = this.sorted(false)
      .map((rule) => ({ rule, prefix: requirePrefix(rule.network) }))
      .filter(({ prefix, rule }) => isWanted(prefix, rule))
      .sort((a, b) => b.prefix.length - a.prefix.length || a.rule.id - b.rule.id);
    return Promise.resolve(found.map(({ rule }) => rule));
  }

  private sorted(includeExpired: boolean): IpRule[] {
    return [...this.rules.values()]
      .filter(
        ({ expiresAt }) => includeExpired || expiresAt === null || expiresAt.getTime() > this.now(),
      )
      .sort(
        (a, b) =>
          compare(a.action, b.action) ||
          compare(a.network, b.network) ||
          compare(a.expiresAt?.getTime() ?? Infinity, b.expiresAt?.getTime() ?? Infinity) ||
          compare(a.source, b.source),
      );
  }
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
