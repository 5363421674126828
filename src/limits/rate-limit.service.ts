import { IpTrackingError } from '../ip-tracking.errors.js';
import { parseIp } from '../net/ip-address.js';
import { show } from '../options/checks.js';
import { addressKey, userKey } from './bucket-keys.js';
import { limitNames } from './limit-policy.js';
import type { RateLimiter } from './rate-limiter.js';

/** The PostgreSQL channel on which processes tell each other of resets. */
export const RESET_CHANNEL = 'ip_tracking_limit_reset';
const USER = 'user:';

/** What a reset has reached. */
export interface ResetResult {
  /** Whether this process, or the store it shares, held anything of the client. */
  hadCounted: boolean;
  /** How many processes that listen were told, this one included if it does. */
  processes: number;
}

/** What a {@link RateLimitService} needs besides the limiter. */
export interface RateLimitServiceOptions {
  ipv6PrefixLength: number;
  /** Tells all processes; gives how many listen. */
  tell(message: string): Promise<number>;
}

/** What an operator can do about limits. */
export class RateLimitService {
  /** @internal */
  constructor(
    private readonly limiter: RateLimiter,
    private readonly options: RateLimitServiceOptions,
  ) {}

  /**
   * Forgets what was counted for a client, and their block after a breach, in every process that serves requests: at once
   * here, elsewhere as soon as PostgreSQL has told them.
   *
   * @param client an IP address, which stands for all that is counted with it (an IPv6 /64), or `user:` and the id.
   * @param name one limit's name. @default every limit there is
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is neither; `IPT_DATABASE_UNAVAILABLE` where the others could
   * not be told. This process, and a store that it shares with them, has forgotten the client even so.
   */
  async resetLimits(client: string, name?: string): Promise<ResetResult> {
    const hadCounted = await this.forget(client, name);
    const processes = await this.options.tell(
      JSON.stringify(name === undefined ? [client] : [client, name]),
    );
    return { hadCounted, processes };
  }

  /** Does what another process was asked to. Never throws: what it is sent may be anything. @internal */
  async hear(message: string): Promise<void> {
    try {
      const [client, name] = JSON.parse(message) as unknown[];
      if (typeof client !== 'string' || (name !== undefined && typeof name !== 'string')) return;
      await this.forget(client, name);
    } catch {
      // Not one of ours.
    }
  }

  private async forget(client: string, name?: string): Promise<boolean> {
    const key = this.keyOf(client);
    const names = name === undefined ? limitNames() : [name];
    const had = await Promise.all(names.map((each) => this.limiter.reset(each, key)));
    return had.includes(true);
  }

  private keyOf(client: string): string {
    if (client.startsWith(USER) && client.length > USER.length) {
      return userKey(client.slice(USER.length));
    }
    const ip = parseIp(client);
    if (ip !== null) return addressKey(ip, this.options.ipv6PrefixLength);
    throw new IpTrackingError(
      'IPT_INVALID_IP',
      `${show(client)} is neither an IP address nor a user: write one such as 203.0.113.7 or user:42`,
    );
  }
}
