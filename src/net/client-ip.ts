import type {
  ClientIp,
  ClientIpHooks,
  ClientIpOptions,
  ClientIpRequest,
} from './client-ip.options.js';
import { checkOptions } from './client-ip.validation.js';
import { ClientIpWarnings } from './client-ip-warnings.js';
import { createStrategy } from './client-ip-strategies.js';
import type { ClientIpStrategy } from './client-ip-walk.js';
import { type IpAddress, ipFromSocket } from './ip-address.js';
import { PrefixSet } from './prefix-set.js';
import type { Prefix } from './prefix.js';
import { isUnspecified } from './special-ranges.js';
import { tooWide } from './trusted-proxies.js';

export type {
  ClientIp,
  ClientIpHeaders,
  ClientIpHooks,
  ClientIpOptions,
  ClientIpPreset,
  ClientIpRequest,
  ClientIpSource,
  ClientIpWarning,
} from './client-ip.options.js';

const NO_ADDRESS: ClientIp = Object.freeze({ ip: null, source: 'socket', trusted: false });

/** Decides who the client of a request is. Made by {@link createClientIpResolver}; one serves the whole app. */
export class ClientIpResolver {
  /** What the options trust, presets resolved to their ranges. Empty for `socket` and `hops`, which name no proxy. */
  readonly trustedPrefixes: readonly Prefix[];
  private readonly trusted: PrefixSet<number>;
  private lastPeerText: string | undefined;
  private lastPeer: IpAddress | null = null;

  /** @internal */
  constructor(private readonly strategy: ClientIpStrategy) {
    this.trustedPrefixes = Object.freeze([...strategy.trusted]);
    this.trusted = PrefixSet.from(strategy.trusted.map((prefix, i) => [prefix, i] as const));
  }

  /**
   * The client of a request. It never throws, and what it costs is bounded, whatever the headers are. Headers are read
   * only when the peer may be believed; where one that it should have set is missing or unreadable, the answer is the
   * last address that is certain, never one further left.
   */
  resolve(request: ClientIpRequest): ClientIp {
    const peer = this.peerOf(request.remoteAddress);
    if (peer === null) return NO_ADDRESS;
    return this.strategy.resolve(peer, request.headers ?? {});
  }

  /** Whether the options name this address as a proxy: it must never be blocked or banned. */
  isTrustedProxy(ip: IpAddress): boolean {
    return this.trusted.has(ip);
  }

  /** Behind a proxy every request has the same few peers, so the last one read is kept. */
  private peerOf(remoteAddress: string | undefined): IpAddress | null {
    if (remoteAddress !== this.lastPeerText) {
      const ip = ipFromSocket(remoteAddress);
      this.lastPeer = ip === null || isUnspecified(ip) ? null : ip;
      this.lastPeerText = remoteAddress;
    }
    return this.lastPeer;
  }
}

/**
 * Makes the resolver that guard, log, limiter and scan all ask.
 * @throws {IpTrackingError} on a misconfiguration, naming the option, its value and what to write instead:
 * `IPT_INVALID_OPTION`, `IPT_UNKNOWN_OPTION`, `IPT_NO_PROXIES`, `IPT_INVALID_PREFIX`, `IPT_TRUST_ALL_PROXIES`,
 * `IPT_INVALID_HOPS`, `IPT_INVALID_HEADER`, `IPT_UNKNOWN_PRESET`.
 */
export function createClientIpResolver(
  options: ClientIpOptions = { strategy: 'socket' },
  hooks: ClientIpHooks = {},
): ClientIpResolver {
  checkOptions(options);
  const warnings = new ClientIpWarnings(hooks);
  const strategy = createStrategy(options, warnings);
  warnings.trustTooWide(tooWide(strategy.trusted));
  return new ClientIpResolver(strategy);
}
