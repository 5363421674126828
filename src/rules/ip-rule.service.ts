import { parseIp } from '../net/ip-address.js';
import { parsePrefix, type Prefix } from '../net/prefix.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import type { Decision } from './decide.js';
import type { IpRule, RuleAction } from './ip-rule.entity.js';
import type { IpRuleRepository } from './ip-rule.repository.js';
import type { LiveRules } from './live-rules.js';

/** What is noted about a rule beside its network. */
export interface RuleDetails {
  /** Why, for whoever reads the list later. */
  reason?: string;
  /** How long the rule acts, in milliseconds from now. @default for ever */
  forMs?: number;
  /** Where the rule comes from. The same network from the same source is one rule. @default 'manual' */
  source?: string;
  /** Who made it. */
  createdBy?: string;
}

/** What would happen to a client, and which rule says so. */
export interface Explanation {
  ipAddress: string;
  decision: Decision;
  /** The stored rule that decided, or null where the mode's default did. */
  rule: IpRule | null;
}

/**
 * Changes and explains the stored rules. Every process that follows the database acts on a change within a second;
 * this one acts on it before the promise resolves.
 */
export class IpRuleService {
  constructor(
    private readonly repository: IpRuleRepository,
    private readonly live: LiveRules,
    private readonly options: { isLive: boolean; now(): number },
  ) {}

  /**
   * Refuses every request from an address or network.
   *
   * @throws IpTrackingError `IPT_INVALID_PREFIX` for text that is neither an address nor a CIDR.
   */
  block(network: string, details: RuleDetails = {}): Promise<IpRule> {
    return this.save('block', network, details);
  }

  /** Lets an address or network in, whatever blocks it. Throws like {@link block}. */
  allow(network: string, details: RuleDetails = {}): Promise<IpRule> {
    return this.save('allow', network, details);
  }

  /** Notes on each matching request which rule would have matched, and does nothing else. Throws like {@link block}. */
  monitor(network: string, details: RuleDetails = {}): Promise<IpRule> {
    return this.save('monitor', network, details);
  }

  /**
   * Removes the block rules for exactly this network.
   *
   * @throws IpTrackingError `IPT_RULE_NOT_FOUND` when there is none, naming a wider one that covers it if there is.
   */
  unblock(network: string): Promise<IpRule[]> {
    return this.remove('block', network);
  }

  /** Removes the allow rules for exactly this network. Throws like {@link unblock}. */
  disallow(network: string): Promise<IpRule[]> {
    return this.remove('allow', network);
  }

  /** The stored rules that act. */
  list(options: { includeExpired?: boolean } = {}): Promise<IpRule[]> {
    return this.repository.list(options);
  }

  /**
   * Says what would happen to a client with this address.
   *
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address.
   */
  async explain(ipAddress: string): Promise<Explanation> {
    const ip = parseIp(ipAddress);
    if (ip === null) {
      throw new IpTrackingError(
        'IPT_INVALID_IP',
        `${quote(ipAddress)} is not an IP address: write one such as 203.0.113.7 or 2001:db8::1`,
      );
    }
    if (!this.options.isLive) await this.live.reload();
    const decision = this.live.decide(ip);
    const rule = decision.ruleId === null ? null : await this.repository.find(decision.ruleId);
    return { ipAddress: ip.toString(), decision, rule };
  }

  private async save(action: RuleAction, network: string, details: RuleDetails): Promise<IpRule> {
    const prefix = requirePrefix(network);
    const { forMs } = details;
    const rule = await this.repository.save({
      action,
      network: prefix.toString(),
      reason: details.reason ?? null,
      source: details.source ?? 'manual',
      createdBy: details.createdBy ?? null,
      expiresAt: forMs === undefined ? null : new Date(this.options.now() + forMs),
    });
    await this.followOwnChange();
    return rule;
  }

  private async remove(action: RuleAction, network: string): Promise<IpRule[]> {
    const prefix = requirePrefix(network).toString();
    const removed = await this.repository.remove(action, prefix);
    if (removed.length === 0) {
      const [wider] = await this.repository.covering(action, prefix);
      throw new IpTrackingError(
        'IPT_RULE_NOT_FOUND',
        `there is no ${action} rule for ${prefix}` +
          (wider === undefined ? '' : `; ${wider.network} covers it, and is removed by that name`),
      );
    }
    await this.followOwnChange();
    return removed;
  }

  private async followOwnChange(): Promise<void> {
    if (this.options.isLive) await this.live.reload();
  }
}

function requirePrefix(network: string): Prefix {
  const prefix = parsePrefix(network);
  if (prefix === null) {
    throw new IpTrackingError(
      'IPT_INVALID_PREFIX',
      `${quote(network)} is neither an IP address nor a network: write one such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32`,
    );
  }
  return prefix;
}

function quote(text: string): string {
  const shown = text.length > 64 ? `${text.slice(0, 64)}...` : text;
  return JSON.stringify(shown);
}
