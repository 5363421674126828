import type { Decision } from '../edge/decision.js';
import type { IpRule } from './ip-rule.entity.js';

/** What a client would meet, and why. */
export interface Explanation {
  ipAddress: string;
  decision: Decision;
  /** The stored rule that decided; null where the mode or a country did. */
  rule: IpRule | null;
  /** Every other stored rule that matches and acts. */
  otherRules: IpRule[];
  /** The country that was judged; null where it is unknown. */
  country: string | null;
  /** Where the address of a client is taken from, in this app. */
  clientIp: string;
  /** Whether the path is on the list of sensitive ones; null where no path was given. */
  isSensitivePath: boolean | null;
}
