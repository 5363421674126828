import { createPreset } from './client-ip-presets.js';
import type {
  ClientIpOptions,
  HeaderClientIpOptions,
  HopsClientIpOptions,
} from './client-ip.options.js';
import { hopCount, listHeader, singleHeader } from './client-ip.validation.js';
import {
  type ClientIpStrategy,
  setOf,
  trustedProxies,
  untrusted,
  vouched,
} from './client-ip-walk.js';
import type { ClientIpWarnings } from './client-ip-warnings.js';
import { ForwardedEntries, readSingleAddress } from './forwarded-header.js';
import { parseProxies } from './trusted-proxies.js';

/** Compiles checked options; throws for the values that only the strategy itself can judge. */
export function createStrategy(
  options: ClientIpOptions,
  warnings: ClientIpWarnings,
): ClientIpStrategy {
  switch (options.strategy) {
    case 'socket':
      return socket(warnings);
    case 'trusted-proxies': {
      const header = listHeader(options.header);
      return trustedProxies(parseProxies(options.proxies, 'clientIp.proxies'), header, warnings);
    }
    case 'hops':
      return hops(options, warnings);
    case 'header':
      return singleAddressHeader(options, warnings);
    case 'preset':
      return createPreset(options, warnings);
  }
}

function socket(warnings: ClientIpWarnings): ClientIpStrategy {
  return {
    trusted: [],
    resolve(peer, headers) {
      warnings.headerIgnored(peer, headers);
      return untrusted(peer);
    },
  };
}

function hops(options: HopsClientIpOptions, warnings: ClientIpWarnings): ClientIpStrategy {
  const header = listHeader(options.header);
  const count = hopCount(options.hops);
  if (count === 0) return socket(warnings);
  return {
    trusted: [],
    resolve(peer, headers) {
      const entries = new ForwardedEntries(headers[header], header);
      let known = vouched(peer, 'socket');
      for (let hop = 1; hop <= count; hop++) {
        const entry = entries.next();
        if (entry === undefined) {
          // Fewer entries than proxies: somebody came past one of them, and may have written all there is.
          if (hop === 1) warnings.proxyNamedNobody(peer, header);
          else warnings.tooFewHops(peer, header, hop - 1, count);
          return vouched(peer, 'socket');
        }
        if (entry !== null) known = vouched(entry, header);
        else if (hop === count || !entries.isUnnamed) {
          // The client, or a proxy on the way, has no name that anything could be known by.
          warnings.proxyNamedNobody(known.ip, header);
          return known;
        }
      }
      warnings.clientFound(known.ip, entries);
      return known;
    },
  };
}

function singleAddressHeader(
  options: HeaderClientIpOptions,
  warnings: ClientIpWarnings,
): ClientIpStrategy {
  const header = singleHeader(options.header);
  const prefixes = parseProxies(options.proxies, 'clientIp.proxies');
  const trusted = setOf(prefixes);
  return {
    trusted: prefixes,
    resolve(peer, headers) {
      if (!trusted.has(peer)) {
        warnings.peerNotTrusted(peer, headers, header);
        return untrusted(peer);
      }
      const ip = readSingleAddress(headers[header]);
      if (ip === null) {
        warnings.proxyNamedNobody(peer, header);
        return vouched(peer, 'socket');
      }
      warnings.clientFound(ip);
      return vouched(ip, header);
    },
  };
}
