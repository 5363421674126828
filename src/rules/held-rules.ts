import { clientKey, type ClientKey } from '../net/client-key.js';
import type { IpAddress } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';

/** The id of a rule that holds in this process although the database has not got it: no row has it. */
export const HELD_RULE = 0;

/** What a held rule does. */
export type HeldAction = 'block' | 'limit';

/** A rule that this process holds by itself: of one client, which is an IPv4 address or an IPv6 /64. */
export interface HeldRule {
  readonly network: Prefix;
  readonly action: HeldAction;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

/**
 * Rules that hold in this process before the database has them, or although it never gets them. They lie over the live
 * copy of the stored rules: a ban is in force before the next request of its client is judged, whatever the database does.
 */
export class HeldRules<Rule extends HeldRule = HeldRule> {
  private readonly rules = new Map<ClientKey, Rule>();

  get size(): number {
    return this.rules.size;
  }

  /** All that there are, over or not. */
  all(): Iterable<Rule> {
    return this.rules.values();
  }

  /** Holds a rule; one of the same client is replaced. */
  hold(rule: Rule): void {
    this.rules.set(clientKey(rule.network), rule);
  }

  /** The rule of a client, over or not. */
  of(network: Prefix): Rule | undefined {
    return this.rules.get(clientKey(network));
  }

  /** Lets go of a rule, unless another one of its client is held by now. @returns whether it was held. */
  release(rule: HeldRule): boolean {
    const key = clientKey(rule.network);
    return this.rules.get(key) === rule && this.rules.delete(key);
  }

  /** What stored rules say of an address, and what is held. What is stored has a name in the log, and so comes first. */
  over<Matched extends Record<HeldAction, number | null>>(
    stored: Matched,
    ip: IpAddress,
    nowMs: number,
  ): Matched {
    if (this.rules.size === 0) return stored;
    const held = this.rules.get(clientKey(ip));
    if (held === undefined || held.untilMs <= nowMs || stored[held.action] !== null) return stored;
    return { ...stored, [held.action]: HELD_RULE };
  }
}
