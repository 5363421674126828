import type { ListHeader } from './forwarded-header.js';
import type { IpAddress } from './ip-address.js';

/** The networks in front of the app that this package knows by name; `docs/client-ip.md` says what each trusts. */
export type ClientIpPreset =
  'cloudflare' | 'cloudfront' | 'aws-alb' | 'fastly' | 'google-lb' | 'nginx';

/**
 * How the client IP is found: one strategy, chosen by who really connects to the app. There is no strategy that tries
 * several headers, because whichever of them the proxy does not set is the client's to write.
 *
 * In every list of `proxies` an entry is an address, a prefix, or one of the words `loopback`, `linklocal`,
 * `uniquelocal` and `private`.
 */
export type ClientIpOptions =
  | SocketClientIpOptions
  | TrustedProxiesClientIpOptions
  | HopsClientIpOptions
  | HeaderClientIpOptions
  | PresetClientIpOptions;

/** The peer address is the client: nothing stands in front of the app. No header is read. The default. */
export interface SocketClientIpOptions {
  strategy: 'socket';
}

/** The rightmost address of the list that is not one of these proxies. For proxies whose addresses are known. */
export interface TrustedProxiesClientIpOptions {
  strategy: 'trusted-proxies';
  /** Peers whose header is believed. All proxies of the chain, not only the nearest. */
  proxies: string[];
  /** Which list is read. @default 'x-forwarded-for' */
  header?: ListHeader;
}

/**
 * The address that the `hops`-th proxy saw, the TCP peer being the first. For a fixed number of proxies whose
 * addresses change. A list with fewer entries is not believed at all: the peer is the client then. Whoever can reach the
 * app past any of the proxies can forge any address, so it must not be reachable.
 */
export interface HopsClientIpOptions {
  strategy: 'hops';
  /** How many proxies stand in front of the app, the TCP peer included. 0 is the same as `socket`. */
  hops: number;
  /** Which list is read. @default 'x-forwarded-for' */
  header?: ListHeader;
}

/** A header of one address that the proxy overwrites, such as `X-Real-IP` or `CF-Connecting-IP`. */
export interface HeaderClientIpOptions {
  strategy: 'header';
  /** Name of the header, in any case. Not a list such as `X-Forwarded-For`. */
  header: string;
  /** Peers whose header is believed. */
  proxies: string[];
}

/** A well-known network in front of the app, believed from its published addresses only. */
export interface PresetClientIpOptions {
  strategy: 'preset';
  preset: ClientIpPreset;
  /**
   * The app's own proxies between that network and the app; required where the network publishes no usable list. For
   * `nginx` the addresses of nginx and of whatever stands before it; without them it is nginx on this host, alone.
   */
  proxies?: string[];
}

/** Where an address came from: the socket, or the lower-case name of the header. Stored with every record. */
export type ClientIpSource = 'socket' | 'x-forwarded-for' | 'forwarded' | (string & {});

/** What the resolver decided for one request. */
export interface ClientIp {
  /** The client, or `null` where the peer has no address (a UNIX socket, a socket already closed). */
  readonly ip: IpAddress | null;
  readonly source: ClientIpSource;
  /**
   * Whether the peer is a trusted proxy. With `source` `socket` the address is then that of the proxy itself, because
   * its header named nobody: never a client to ban.
   */
  readonly trusted: boolean;
}

/** What the resolver has to know of a request; node's `IncomingMessage` has both (`req.socket.remoteAddress`). */
export interface ClientIpRequest {
  remoteAddress: string | undefined;
  headers: ClientIpHeaders;
}

/** As node's `IncomingHttpHeaders`: lower-case names. */
export type ClientIpHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Something about the deployment that a request gave away; each kind is reported once. */
export interface ClientIpWarning {
  readonly kind:
    | 'forwarded-header-ignored'
    | 'header-from-untrusted-peer'
    | 'proxy-without-address'
    | 'too-few-hops'
    | 'conflicting-headers'
    | 'private-client-ip'
    | 'trust-too-wide';
  /** What was seen and what to do. Holds addresses, no other part of the request. */
  readonly message: string;
}

/** What a resolver may be given besides its options. */
export interface ClientIpHooks {
  /** Called once for each kind of warning. What it throws is swallowed. */
  onWarning?: (warning: ClientIpWarning) => void;
  /**
   * Told of an address that was taken for the client although it forwards for others: an undeclared proxy, or a client
   * that pretends to be one. Called for each such request, so it must be quick; what it throws is swallowed.
   */
  onForwarder?: (address: IpAddress) => void;
}
