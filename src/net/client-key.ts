import type { IpAddress } from './ip-address.js';

/** What names a client: an IPv4 address, or the first 64 bits of an IPv6 one. */
type ClientBits = Pick<IpAddress, 'family' | 'w0' | 'w1'>;

/**
 * What a client is kept under in this process's memory: an IPv4 address whole, IPv6 by its /64. Far cheaper to make and to
 * hold than {@link trackerKey}, which is for storages and people.
 */
export type ClientKey = number | string;

/** The {@link ClientKey} of an address, or of a client's network. */
export function clientKey(client: ClientBits): ClientKey {
  return client.family === 4 ? client.w0 : v6Text(client);
}

/** The same as text alone: two characters for IPv4, four for IPv6. To write an address out takes longer than to hash it. */
export function clientText(client: ClientBits): string {
  return client.family === 4
    ? String.fromCharCode(client.w0 >>> 16, client.w0 & 0xffff)
    : v6Text(client);
}

function v6Text({ w0, w1 }: ClientBits): string {
  return String.fromCharCode(w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff);
}
