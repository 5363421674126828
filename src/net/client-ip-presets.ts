import { IpTrackingError } from '../ip-tracking.errors.js';
import type { ClientIpPreset, PresetClientIpOptions } from './client-ip.options.js';
import { presetName } from './client-ip.validation.js';
import {
  type ClientIpStrategy,
  followTrusted,
  setOf,
  trustedProxies,
  untrusted,
  vouched,
} from './client-ip-walk.js';
import type { ClientIpWarnings } from './client-ip-warnings.js';
import { ForwardedEntries, readSingleAddress } from './forwarded-header.js';
import { parsePrefix, type Prefix } from './prefix.js';
import { PrefixSet } from './prefix-set.js';
import {
  CLOUDFLARE_RANGES,
  FASTLY_RANGES,
  GOOGLE_FRONT_END_RANGES,
  type ProviderRanges,
} from './provider-ranges.js';
import { parseProxies } from './trusted-proxies.js';

const XFF = 'x-forwarded-for';
const REAL_IP = 'x-real-ip';
const CF_CONNECTING_IP = 'cf-connecting-ip';

type PresetFactory = (
  proxies: string[] | undefined,
  warnings: ClientIpWarnings,
) => ClientIpStrategy;

const PRESETS: Record<ClientIpPreset, PresetFactory> = {
  cloudflare: (proxies, warnings) => cloudflare(own(proxies), warnings),
  cloudfront: (proxies, warnings) =>
    trustedProxies(
      required(
        'cloudfront',
        proxies,
        'CloudFront connects from hundreds of prefixes that change: list those of ' +
          'https://ip-ranges.amazonaws.com/ip-ranges.json whose service is CLOUDFRONT_ORIGIN_FACING, and the subnets of ' +
          'your load balancer if there is one.',
      ),
      XFF,
      warnings,
    ),
  'aws-alb': (proxies, warnings) =>
    trustedProxies(
      required(
        'aws-alb',
        proxies,
        'a load balancer connects from the subnets you gave it: list them, such as 10.0.0.0/24 and 10.0.1.0/24.',
      ),
      XFF,
      warnings,
    ),
  // Not Fastly-Client-IP: Fastly keeps whatever a client put there, unless the service's VCL overwrites it.
  fastly: (proxies, warnings) =>
    trustedProxies([...published(FASTLY_RANGES), ...own(proxies)], XFF, warnings),
  'google-lb': (proxies, warnings) => googleLoadBalancer(own(proxies), warnings),
  nginx,
};

const PRESET_NAMES = Object.keys(PRESETS) as ClientIpPreset[];

/** @throws {IpTrackingError} `IPT_UNKNOWN_PRESET`, `IPT_NO_PROXIES`, or what a list of proxies throws. */
export function createPreset(
  options: PresetClientIpOptions,
  warnings: ClientIpWarnings,
): ClientIpStrategy {
  return PRESETS[presetName(options.preset, PRESET_NAMES)](options.proxies, warnings);
}

/**
 * `CF-Connecting-IP`, from Cloudflare's addresses only: anyone else can send that header too. With proxies of one's own
 * behind Cloudflare, these say in X-Forwarded-For who connected to them, and that has to be Cloudflare.
 */
function cloudflare(ownProxies: readonly Prefix[], warnings: ClientIpWarnings): ClientIpStrategy {
  const edgePrefixes = published(CLOUDFLARE_RANGES);
  const edges = setOf(edgePrefixes);
  const proxies = setOf(ownProxies);
  return {
    trusted: [...edgePrefixes, ...ownProxies],
    resolve(peer, headers) {
      if (!edges.has(peer) && !proxies.has(peer)) {
        warnings.peerNotTrusted(peer, headers, CF_CONNECTING_IP);
        return untrusted(peer);
      }
      const entries = new ForwardedEntries(headers[XFF], XFF);
      const edge = followTrusted({ ip: peer, source: 'socket' }, entries, XFF, proxies);
      if (!edges.has(edge.ip)) {
        if (proxies.has(edge.ip)) warnings.proxyNamedNobody(edge.ip, XFF);
        else warnings.clientFound(edge.ip, entries);
        return edge;
      }
      const ip = readSingleAddress(headers[CF_CONNECTING_IP]);
      if (ip === null) {
        warnings.proxyNamedNobody(edge.ip, CF_CONNECTING_IP);
        return edge;
      }
      warnings.clientFound(ip);
      return vouched(ip, CF_CONNECTING_IP);
    },
  };
}

/**
 * A Google Front End appends two entries, `<client>,<load balancer>`, the second being the address of the load balancer
 * and no proxy that connects anywhere: it is passed over.
 * @see https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
 */
function googleLoadBalancer(
  ownProxies: readonly Prefix[],
  warnings: ClientIpWarnings,
): ClientIpStrategy {
  const frontEndPrefixes = published(GOOGLE_FRONT_END_RANGES);
  const frontEnds = setOf(frontEndPrefixes);
  const proxies = setOf(ownProxies);
  return {
    trusted: [...frontEndPrefixes, ...ownProxies],
    resolve(peer, headers) {
      if (!frontEnds.has(peer) && !proxies.has(peer)) {
        warnings.peerNotTrusted(peer, headers, XFF);
        return untrusted(peer);
      }
      const entries = new ForwardedEntries(headers[XFF], XFF);
      let found = followTrusted({ ip: peer, source: 'socket' }, entries, XFF, proxies);
      if (frontEnds.has(found.ip)) {
        const balancer = entries.next();
        const client = balancer && entries.next();
        if (!client) {
          warnings.proxyNamedNobody(found.ip, XFF);
          return found;
        }
        found = followTrusted({ ip: client, source: XFF }, entries, XFF, proxies);
      }
      if (found.source === 'socket') warnings.proxyNamedNobody(peer, XFF);
      else warnings.clientFound(found.ip, entries);
      return found;
    },
  };
}

/**
 * The classic set-up: nginx sets `X-Real-IP $remote_addr` and appends the same to `X-Forwarded-For`. A configuration
 * that sets only one of the two passes the other on as the client wrote it, and a reader who prefers that one is lost.
 * So where both are there they have to agree, and where they do not, neither is believed.
 *
 * Without `proxies`, nginx on this host is the only one. Whom it saw on this host is then the client, such as the end
 * of a tunnel, and no further proxy: or everyone who comes through the tunnel could name any address.
 */
function nginx(proxies: string[] | undefined, warnings: ClientIpWarnings): ClientIpStrategy {
  const prefixes = parseProxies(proxies ?? ['loopback'], 'clientIp.proxies');
  const trusted = setOf(prefixes);
  const further = proxies === undefined ? PrefixSet.empty<number>() : trusted;
  const byList = trustedProxies(prefixes, XFF, warnings, further);
  return {
    trusted: prefixes,
    resolve(peer, headers) {
      const real = headers[REAL_IP];
      if (real === undefined || !trusted.has(peer)) return byList.resolve(peer, headers);
      const ip = readSingleAddress(real);
      const list = headers[XFF];
      if (list !== undefined) {
        const last = new ForwardedEntries(list, XFF).next();
        if (ip !== null && last?.equals(ip)) return byList.resolve(peer, headers);
        warnings.headersDiffer(peer);
        return vouched(peer, 'socket');
      }
      if (ip === null) {
        warnings.proxyNamedNobody(peer, REAL_IP);
        return vouched(peer, 'socket');
      }
      warnings.clientFound(ip);
      return vouched(ip, REAL_IP);
    },
  };
}

function published({ prefixes }: ProviderRanges): Prefix[] {
  return prefixes.map((text) => parsePrefix(text)!);
}

function own(proxies: string[] | undefined): Prefix[] {
  return proxies === undefined ? [] : parseProxies(proxies, 'clientIp.proxies');
}

function required(preset: string, proxies: string[] | undefined, advice: string): Prefix[] {
  if (proxies !== undefined) return parseProxies(proxies, 'clientIp.proxies');
  throw new IpTrackingError(
    'IPT_NO_PROXIES',
    `clientIp.preset "${preset}" needs clientIp.proxies: ${advice}`,
  );
}
