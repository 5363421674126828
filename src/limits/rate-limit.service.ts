import { IpTrackingError } from '../ip-tracking.errors.js';
import { parseIp } from '../net/ip-address.js';
import { plainText, show } from '../options/checks.js';
import { addressKey, userKey } from './bucket-keys.js';
import { limitNames } from './limit-policy.js';
import type { LimitResets } from './limit-resets.js';
import { limitName } from './limits.options.js';
import type { RateLimiter } from './rate-limiter.js';

const USER = 'user:';
/** The other processes are told by a row, and that holds no more than text. */
const userId = plainText(1_000);

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
}

/** What an operator can do about limits. */
export class RateLimitService {
  /** @internal */
  constructor(
    private readonly limiter: RateLimiter,
    private readonly resets: Pick<LimitResets, 'request'>,
    private readonly options: RateLimitServiceOptions,
  ) {}

  /**
   * Forgets what was counted for a client, and their block after a breach, in every process that serves requests: at once
   * here, elsewhere as soon as PostgreSQL has told them.
   *
   * @param client an IP address, which stands for all that is counted with it (an IPv6 /64), or `user:` and the id.
   * @param name one limit's name. @default every limit there is
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is neither; `IPT_INVALID_OPTION` for an id or a name that can be
   * none; `IPT_DATABASE_UNAVAILABLE` where the others could not be told. This process, and a store that it shares with
   * them, has forgotten the client even so.
   */
  async resetLimits(client: string, name?: string): Promise<ResetResult> {
    if (name !== undefined) limitName('name', name);
    const hadCounted = await this.forget(client, name);
    return { hadCounted, processes: await this.resets.request(client, name ?? null) };
  }

  private forget(client: string, name?: string): Promise<boolean> {
    return forgetClient(this.limiter, client, name ?? null, this.options.ipv6PrefixLength);
  }
}

/**
 * Forgets a client in this process, and in a store that it shares.
 *
 * @throws IpTrackingError `IPT_INVALID_IP` for text that is neither an address nor a user.
 */
export async function forgetClient(
  limiter: RateLimiter,
  client: string,
  name: string | null,
  ipv6PrefixLength: number,
): Promise<boolean> {
  const key = keyOf(client, ipv6PrefixLength);
  const names = name === null ? limitNames() : [name];
  const had = await Promise.all(names.map((each) => limiter.reset(each, key)));
  return had.includes(true);
}

function keyOf(client: string, ipv6PrefixLength: number): string {
  if (typeof client === 'string' && client.startsWith(USER) && client.length > USER.length) {
    const id = client.slice(USER.length);
    userId("the user's id", id);
    return userKey(id);
  }
  const ip = parseIp(client);
  if (ip !== null) return addressKey(ip, ipv6PrefixLength);
  throw new IpTrackingError(
    'IPT_INVALID_IP',
    `${show(client)} is neither an IP address nor a user: write one such as 203.0.113.7 or user:42`,
  );
}
