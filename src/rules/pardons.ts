import type { Prefix } from '../net/prefix.js';
import { token } from '../provide.js';
import type { IpRule } from './ip-rule.entity.js';

/** What a person's unblock means besides the removal of a rule. */
export interface Pardons {
  /**
   * Ends the bans that share an address with a network, in every process, and has all evidence from before forgotten.
   *
   * @param details `by`: who does it; `hasUnblocked`: a block rule of a person's was removed.
   * @returns the rules that were removed, and whether there was anybody to be pardoned.
   */
  pardon(
    network: Prefix,
    details: { by: string | null; hasUnblocked: boolean },
  ): Promise<{ removed: IpRule[]; isPardoned: boolean }>;

  /**
   * Ends, while the database cannot be reached, the bans of this process that are not stored; the pardon itself is stored
   * once the database is back.
   *
   * @returns the networks whose bans have ended.
   */
  pardonHere(network: Prefix, by: string | null): string[];
}

export const PARDONS = token<Pardons>('pardons');
