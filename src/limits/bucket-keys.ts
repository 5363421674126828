import { createHash } from 'node:crypto';
import type { IpAddress } from '../net/ip-address.js';
import { trackerKey } from '../net/tracker-key.js';

/** A longer id is counted by its digest: a bucket's name is kept in memory and sent with every hit. */
const MAX_USER_ID_LENGTH = 128;

/** What the bucket of an address is called. */
export function addressKey(ip: IpAddress | null, ipv6PrefixLength: number): string {
  return `ip|${ip === null ? 'unknown' : trackerKey(ip, ipv6PrefixLength)}`;
}

/** What the bucket of a client is called under a limit's name, which holds no bar. */
export function bucketOf(name: string, client: string): string {
  return `${name}|${client}`;
}

/** What the bucket of a user is called. */
export function userKey(userId: string): string {
  return userId.length <= MAX_USER_ID_LENGTH
    ? `user|${userId}`
    : `user|sha256:${createHash('sha256').update(userId).digest('hex')}`;
}
