import type { ClientIpOptions } from './client-ip.options.js';

/** Where the address of a client is taken from, in a few words for people. */
export function describeClientIp(options: ClientIpOptions): string {
  switch (options.strategy) {
    case 'socket':
      return 'the socket; no header is believed';
    case 'trusted-proxies':
      return `${options.header ?? 'x-forwarded-for'}, the rightmost address that is not one of ${options.proxies.join(', ')}`;
    case 'hops':
      return `${options.header ?? 'x-forwarded-for'}, ${options.hops} hops away`;
    case 'header':
      return `${options.header}, from ${options.proxies.join(', ')}`;
    case 'preset':
      return `the preset "${options.preset}"`;
  }
}
