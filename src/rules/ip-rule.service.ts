import { IpTrackingError } from '../ip-tracking.errors.js';
import { requireIp, type IpAddress } from '../net/ip-address.js';
import { parsePrefix, type Prefix } from '../net/prefix.js';
import type { Decision } from '../edge/decision.js';
import { tellHost } from '../edge/host-hook.js';
import type { Explanation } from './explanation.js';
import { decide, type RulePolicy } from './decide.js';
import type { IpRule, RuleAction } from './ip-rule.entity.js';
import type { IpRuleRepository } from './ip-rule.repository.js';
import type { LiveRules } from './live-rules.js';
import { checkBan, checkBlock, type LockoutFacts, type WidestNetwork } from './lockout.js';
import type { Pardons } from './pardons.js';
import type { ProtectedNetworkRepository } from './protected-network.repository.js';
import type { RecentTrafficRepository } from './recent-traffic.repository.js';
import { orEndedHere } from './unblocked-here.js';
import {
  BLOCK_DETAILS,
  checkDetails,
  EXPLAINED,
  LIST_OPTIONS,
  REMOVAL_DETAILS,
  requirePrefix,
  RULE_DETAILS,
} from './rule-input.js';

/** A larger share of the last hour's requests is odd for one client. */
const LARGE_SHARE = 0.1;
/** Of fewer requests a share says nothing. */
const FEWEST_REQUESTS = 10;

/** What is noted about a rule beside its network. Texts have 1,000 characters at most. */
export interface RuleDetails {
  /** Why, for whoever reads the list later. */
  reason?: string;
  /** How long the rule acts, in milliseconds from now, ten years at most. @default for ever */
  forMs?: number;
  /** Where the rule comes from, not empty. The same network from the same source is one rule. @default 'manual' */
  source?: string;
  /** Who makes the change, for the rule and for the audit. @default the database's user */
  createdBy?: string;
}

/** What {@link IpRuleService.block} may be given besides. */
export interface BlockDetails extends RuleDetails {
  /** The address of whoever makes the rule, exactly one: a block that contains it needs `force`. */
  caller?: string;
  /** Makes the rule although it is very wide, or contains its maker, a proxy or the app's own host. @default false */
  force?: boolean;
  /**
   * The rule is made by a program: it is checked more strictly, `rules.automaticBlocks` says how wide it may be, and
   * `force` does nothing.
   *
   * @default false
   */
  isAutomatic?: boolean;
  /** Told what is odd about a block that a person makes, and that was made all the same. @default the app's log */
  onWarning?: (warning: string) => unknown;
}

/** What the service has to know of the app that it is part of. */
export interface IpRuleServiceOptions {
  /** This process follows the rules, and so can act on its own change before it says that it is made. */
  isLive: boolean;
  policy: RulePolicy;
  /** The widest network that a program may block. */
  widestAutomatic: WidestNetwork;
  /** The proxies that this app trusts. */
  trustedProxies: readonly Prefix[];
  /** Where the address of a client is taken from, in a few words. */
  clientIp: string;
  locate(ip: IpAddress): { country: string | null };
  isSensitivePath(path: string): boolean;
  pardons: Pardons;
  /** Says on the app's log what is odd about a block. */
  warn(warning: string): void;
  /** Epoch milliseconds. */
  now(): number;
}

/**
 * Changes and explains the stored rules. Every process that follows the database acts on a change within a second;
 * this one acts on it before the promise resolves.
 */
export class IpRuleService {
  /** @internal */
  constructor(
    private readonly repository: IpRuleRepository,
    private readonly protectedNetworks: ProtectedNetworkRepository,
    private readonly live: LiveRules,
    private readonly traffic: RecentTrafficRepository,
    private readonly options: IpRuleServiceOptions,
  ) {}

  /**
   * Refuses every request from an address or network.
   *
   * @throws IpTrackingError what {@link allow} throws, and `IPT_INVALID_IP` for a caller that is not exactly one address;
   * `IPT_RULE_TOO_WIDE`, `IPT_RULE_COVERS_CALLER`, `IPT_RULE_COVERS_PROXY`, `IPT_RULE_COVERS_HOST` or
   * `IPT_RULE_COVERS_FORWARDER` for what would lock somebody out by accident, unless forced; of an automatic rule the
   * first two and `IPT_RULE_PROTECTED`, whatever is forced.
   */
  async block(network: string, details: BlockDetails = {}): Promise<IpRule> {
    const prefix = requirePrefix(network);
    checkDetails(details, BLOCK_DETAILS);
    if (details.isAutomatic === true) {
      checkBan(prefix, await this.lockoutFacts(prefix, details), this.options.widestAutomatic);
    } else if (details.force !== true) {
      checkBlock(prefix, await this.lockoutFacts(prefix, details));
    }
    const rule = await this.save('block', prefix, details);
    if (details.isAutomatic !== true) await this.warnOfShare(prefix, details.onWarning);
    return rule;
  }

  /**
   * Lets an address or network in, whatever blocks it.
   *
   * @throws IpTrackingError `IPT_INVALID_PREFIX` for text that is neither an address nor a CIDR; `IPT_INVALID_DURATION`,
   * `IPT_INVALID_OPTION` or `IPT_UNKNOWN_OPTION` for details that mean nothing. Nothing is stored then.
   */
  async allow(network: string, details: RuleDetails = {}): Promise<IpRule> {
    const prefix = requirePrefix(network);
    checkDetails(details, RULE_DETAILS);
    return this.save('allow', prefix, details);
  }

  /** Notes on each matching request that the rule has matched, and does nothing else. Throws like {@link allow}. */
  async monitor(network: string, details: RuleDetails = {}): Promise<IpRule> {
    const prefix = requirePrefix(network);
    checkDetails(details, RULE_DETAILS);
    return this.save('monitor', prefix, details);
  }

  /**
   * Lets each client of an address or network make no more than `rules.limitedPerMinute` requests a minute, unless an
   * allow rule names them. Throws like {@link allow}.
   */
  async limit(network: string, details: RuleDetails = {}): Promise<IpRule> {
    const prefix = requirePrefix(network);
    checkDetails(details, RULE_DETAILS);
    return this.save('limit', prefix, details);
  }

  /**
   * Removes the block rules for exactly this network, and ends every ban and limit of detection that shares an address with
   * it: a pardon, after which nothing from before counts. None are given back where a ban was stored nowhere, or is over.
   *
   * @throws IpTrackingError `IPT_RULE_NOT_FOUND` when there is none, naming a wider one that covers it if there is;
   * `IPT_DATABASE_UNAVAILABLE`, saying what has ended all the same: bans that this process holds and has not stored, whose
   * pardon is stored once the database is back.
   */
  async unblock(network: string, details: { by?: string } = {}): Promise<IpRule[]> {
    const prefix = requirePrefix(network);
    checkDetails(details, REMOVAL_DETAILS);
    const by = details.by ?? null;
    return orEndedHere({ prefix, by, pardons: this.options.pardons }, async () => {
      const unblocked = await this.repository.remove('block', prefix.toString(), by);
      const hasUnblocked = unblocked.length > 0;
      const { removed, isPardoned } = await this.options.pardons.pardon(prefix, {
        by,
        hasUnblocked,
      });
      if (!hasUnblocked && !isPardoned) return this.notFound('block', prefix.toString());
      await this.followOwnChange();
      return [...unblocked, ...removed];
    });
  }

  /** Removes the allow rules for exactly this network. Throws like {@link unblock}. */
  disallow(network: string, details: { by?: string } = {}): Promise<IpRule[]> {
    return this.remove('allow', network, details);
  }

  /** Removes the limit rules for exactly this network. Throws like {@link unblock}. */
  unlimit(network: string, details: { by?: string } = {}): Promise<IpRule[]> {
    return this.remove('limit', network, details);
  }

  /** Removes the monitor rules for exactly this network. Throws like {@link unblock}. */
  unmonitor(network: string, details: { by?: string } = {}): Promise<IpRule[]> {
    return this.remove('monitor', network, details);
  }

  /** The stored rules that act. */
  async list(options: { includeExpired?: boolean } = {}): Promise<IpRule[]> {
    checkDetails(options, LIST_OPTIONS);
    return this.repository.list(options);
  }

  /**
   * Decides about an address by the rules in memory, as the door does. Never waits.
   *
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address.
   */
  decide(ipAddress: string): Decision {
    const ip = requireIp(ipAddress);
    return decide(this.live.match(ip), this.options.locate(ip).country, this.options.policy);
  }

  /**
   * Says what a client with this address would meet.
   *
   * @param about `country` to judge instead of the one that is known; `path` to say something about.
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address; `IPT_INVALID_COUNTRY`,
   * `IPT_INVALID_OPTION` or `IPT_UNKNOWN_OPTION` for what it cannot be about.
   */
  async explain(
    ipAddress: string,
    about: { path?: string; country?: string | null } = {},
  ): Promise<Explanation> {
    const ip = requireIp(ipAddress);
    checkDetails(about, EXPLAINED);
    if (!this.options.isLive) await this.live.reload();
    const country = about.country === undefined ? this.options.locate(ip).country : about.country;
    const decision = decide(this.live.match(ip), country, this.options.policy);
    const matching = await this.repository.matching(ip.toString());
    return {
      ipAddress: ip.toString(),
      decision,
      rule: matching.find(({ id }) => id === decision.ruleId) ?? null,
      otherRules: matching.filter(({ id }) => id !== decision.ruleId),
      country,
      clientIp: this.options.clientIp,
      isSensitivePath: about.path === undefined ? null : this.options.isSensitivePath(about.path),
    };
  }

  private async save(action: RuleAction, prefix: Prefix, details: RuleDetails): Promise<IpRule> {
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

  private async remove(
    action: RuleAction,
    network: string,
    details: { by?: string },
  ): Promise<IpRule[]> {
    const prefix = requirePrefix(network).toString();
    checkDetails(details, REMOVAL_DETAILS);
    const removed = await this.repository.remove(action, prefix, details.by ?? null);
    if (removed.length === 0) return this.notFound(action, prefix);
    await this.followOwnChange();
    return removed;
  }

  private async notFound(action: RuleAction, prefix: string): Promise<never> {
    const [wider] = await this.repository.covering(action, prefix);
    throw new IpTrackingError(
      'IPT_RULE_NOT_FOUND',
      `there is no ${action} rule for ${prefix}` +
        (wider === undefined ? '' : `; ${wider.network} covers it, and is removed by that name`),
    );
  }

  private async lockoutFacts(prefix: Prefix, details: BlockDetails): Promise<LockoutFacts> {
    const announced = await this.protectedNetworks.all();
    const allowed =
      details.isAutomatic === true ? await this.repository.overlapping('allow', prefix) : [];
    return {
      caller: details.caller === undefined ? null : requireIp(details.caller),
      trustedProxies: [...this.options.trustedProxies, ...announced['trusted proxy']],
      ownAddresses: announced['own address'],
      forwardingPeers: announced['forwarding peer'],
      allowed: allowed.flatMap(({ network }) => parsePrefix(network) ?? []),
    };
  }

  private async followOwnChange(): Promise<void> {
    if (this.options.isLive) await this.live.reload();
  }

  /** Where a tenth of all requests came from is a proxy rather than a client. The block is made, so nothing fails here. */
  private async warnOfShare(prefix: Prefix, onWarning = this.options.warn): Promise<void> {
    const found = await this.traffic.lastHour(prefix).catch(() => null);
    if (found === null || found.total < FEWEST_REQUESTS) return;
    const share = found.matching / found.total;
    if (share <= LARGE_SHARE) return;
    tellHost(
      onWarning,
      `${prefix.toString()} is blocked, and made ${Math.round(share * 100)} % of the requests of the last hour: ` +
        'if it is a proxy of yours, the client IP is probably not configured (clientIp)',
    );
  }
}
