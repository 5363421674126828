import { MAX_HOPS } from './client-ip.validation.js';
import type { ClientIp, ClientIpHeaders, ClientIpSource } from './client-ip.options.js';
import type { ClientIpWarnings } from './client-ip-warnings.js';
import { ForwardedEntries, type ListHeader } from './forwarded-header.js';
import type { IpAddress } from './ip-address.js';
import { PrefixSet } from './prefix-set.js';
import type { Prefix } from './prefix.js';

/** One way to find the client, compiled from options that were checked: nothing here can fail. */
export interface ClientIpStrategy {
  /** Every prefix whose hosts are believed. */
  readonly trusted: readonly Prefix[];
  resolve(peer: IpAddress, headers: ClientIpHeaders): ClientIp;
}

type KnownClientIp = ClientIp & { readonly ip: IpAddress };

/** The peer itself, whose headers say nothing. */
export function untrusted(peer: IpAddress): ClientIp {
  return { ip: peer, source: 'socket', trusted: false };
}

/** An address that a trusted proxy vouched for, or the proxy's own. */
export function vouched(ip: IpAddress, source: ClientIpSource): KnownClientIp {
  return { ip, source, trusted: true };
}

/** Prefixes as a set, for the one question whether they contain an address. */
export function setOf(prefixes: readonly Prefix[]): PrefixSet<number> {
  return PrefixSet.from(prefixes.map((prefix) => [prefix, 0] as const));
}

/**
 * Goes from an address leftwards through a list, for as long as it is at a trusted proxy: each wrote the entry left of
 * its own address. Ends at the first address that is not trusted, which is the client, or at the last one that is
 * certain where an entry names nobody.
 */
export function followTrusted(
  from: Pick<KnownClientIp, 'ip' | 'source'>,
  entries: ForwardedEntries,
  header: string,
  trusted: PrefixSet<number>,
): KnownClientIp {
  let { ip, source } = from;
  for (let i = 0; i < MAX_HOPS && trusted.has(ip); i++) {
    const entry = entries.next();
    if (!entry) break;
    ip = entry;
    source = header;
  }
  return { ip, source, trusted: true };
}

/**
 * The rightmost address that is not trusted; also what presets without a header of their own come down to.
 * @param further proxies beyond the peer, if those are not the same.
 */
export function trustedProxies(
  prefixes: readonly Prefix[],
  header: ListHeader,
  warnings: ClientIpWarnings,
  further = setOf(prefixes),
): ClientIpStrategy {
  const trusted = setOf(prefixes);
  return {
    trusted: prefixes,
    resolve(peer: IpAddress, headers: ClientIpHeaders): ClientIp {
      if (!trusted.has(peer)) {
        warnings.peerNotTrusted(peer, headers, header);
        return untrusted(peer);
      }
      const entries = new ForwardedEntries(headers[header], header);
      const nearest = entries.next();
      if (!nearest) {
        warnings.proxyNamedNobody(peer, header);
        return vouched(peer, 'socket');
      }
      const found = followTrusted({ ip: nearest, source: header }, entries, header, further);
      warnings.clientFound(found.ip, entries);
      return found;
    },
  };
}
