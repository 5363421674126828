import type { ClientIpHeaders, ClientIpHooks, ClientIpWarning } from './client-ip.options.js';
import type { ForwardedEntries } from './forwarded-header.js';
import type { IpAddress } from './ip-address.js';
import type { Prefix } from './prefix.js';
import { isLocal } from './special-ranges.js';

/** Headers that only a proxy, or somebody who pretends to be one, sends. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'cf-connecting-ip'];

/** How much of a list is looked at for the sake of a warning. */
const MAX_LOOKED_AT = 8;

/** Tells the operator once about each kind of thing that requests give away about the deployment. */
export class ClientIpWarnings {
  private readonly told = new Set<ClientIpWarning['kind']>();
  private readonly onWarning: ClientIpHooks['onWarning'];
  private hasSeenPublicClient = false;

  constructor({ onWarning }: ClientIpHooks) {
    this.onWarning = onWarning;
  }

  /** Strategy `socket`: a proxy's header means that all clients behind it share the proxy's address. */
  headerIgnored(peer: IpAddress, headers: ClientIpHeaders): void {
    if (!this.isOpen('forwarded-header-ignored')) return;
    const header = FORWARDING_HEADERS.find((name) => headers[name] !== undefined);
    if (header === undefined) return;
    this.tell(
      'forwarded-header-ignored',
      `A request from ${peer} has the header ${header}, which clientIp { strategy: 'socket' } ignores. If ${peer} is your ` +
        'proxy, all clients behind it count as one: choose trusted-proxies, hops or a preset. If nothing stands in ' +
        'front of the app, a client made it up, and all is well.',
    );
  }

  /** A header that would count came from somewhere else. */
  peerNotTrusted(peer: IpAddress, headers: ClientIpHeaders, header: string): void {
    if (!this.isOpen('header-from-untrusted-peer') || headers[header] === undefined) return;
    this.tell(
      'header-from-untrusted-peer',
      `A request from ${peer} has the header ${header}, but ${peer} is not among the trusted proxies, so the header was ` +
        'ignored. If it is one of your proxies, add it to clientIp.proxies; if not, somebody reaches the app past them.',
    );
  }

  /** The address of a proxy had to stand in for that of the client. */
  proxyNamedNobody(proxy: IpAddress, header: string): void {
    if (!this.isOpen('proxy-without-address')) return;
    this.tell(
      'proxy-without-address',
      `The trusted proxy ${proxy} sent a request without a readable client address in ${header}; the proxy's own address ` +
        `was taken. Configure it to set ${header} on every request. Health checks of a load balancer do this too.`,
    );
  }

  /** Strategy `hops`: a request came past a proxy, or there are fewer of them than was said. */
  tooFewHops(peer: IpAddress, header: string, entries: number, hops: number): void {
    if (!this.isOpen('too-few-hops')) return;
    this.tell(
      'too-few-hops',
      `A request from ${peer} has ${entries} ${entries === 1 ? 'entry' : 'entries'} in ${header}, fewer than clientIp.hops, which is ${hops}; as a ` +
        'client may have written all of them, the peer was taken. If there are fewer proxies than that, lower ' +
        'clientIp.hops; if not, somebody reaches the app past one of them.',
    );
  }

  /** Preset `nginx`: one of the two headers is passed on as the client sent it. */
  headersDiffer(proxy: IpAddress): void {
    if (!this.isOpen('conflicting-headers')) return;
    this.tell(
      'conflicting-headers',
      `X-Real-IP and the last entry of X-Forwarded-For from the proxy ${proxy} differ, so one of them is the client's own ` +
        'and neither was believed. Set both in nginx: proxy_set_header X-Real-IP $remote_addr; ' +
        'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    );
  }

  /** A client with a private address although public ones are about: a proxy that nobody declared. */
  clientFound(ip: IpAddress, further?: ForwardedEntries): void {
    if (!this.isOpen('private-client-ip')) return;
    if (!isLocal(ip)) {
      this.hasSeenPublicClient = true;
      return;
    }
    if (!this.hasSeenPublicClient && !namesPublicAddress(further)) return;
    this.tell(
      'private-client-ip',
      `The client IP came out as ${ip}, a private address, although the app has public clients. Most likely it is another ` +
        'proxy of yours: add it to clientIp.proxies, or count it in clientIp.hops. Until then all its clients share its ' +
        'limits and bans.',
    );
  }

  trustTooWide(prefixes: readonly Prefix[]): void {
    if (prefixes.length === 0) return;
    this.tell(
      'trust-too-wide',
      `clientIp.proxies trusts ${prefixes.join(', ')}: any host there can write the address it likes. List the proxies ` +
        'themselves.',
    );
  }

  /** Whether there is still somebody to tell; what only a warning needs is not worked out otherwise. */
  private isOpen(kind: ClientIpWarning['kind']): boolean {
    return this.onWarning !== undefined && !this.told.has(kind);
  }

  private tell(kind: ClientIpWarning['kind'], message: string): void {
    this.told.add(kind);
    try {
      this.onWarning?.({ kind, message });
    } catch {
      // A logger that fails must not fail the request that happened to be the first of its kind.
    }
  }
}

function namesPublicAddress(entries: ForwardedEntries | undefined): boolean {
  for (let i = 0; i < MAX_LOOKED_AT; i++) {
    const ip = entries?.next();
    if (ip === undefined) return false;
    if (ip !== null && !isLocal(ip)) return true;
  }
  return false;
}
