import type { OwnHosts } from './own-hosts.js';
import { payloadsOfAddress, payloadsOfHeader } from './payload-reader.js';
import { bitsOf } from './signal.js';
import { authorityStart } from './target-form.js';

const OWN = bitsOf(['own-referer']);
/** How much of a referer is looked at. */
const MAX_LENGTH = 1_024;

/**
 * What a referer shows. A page of the site is not searched for payloads: it was when it was asked for, and whoever
 * follows its links may not have been who asked. In another site's address only a lookup of Log4j is: addresses of
 * search engines carry whatever people searched for.
 */
export function readReferer(referer: string, host: string | null, hosts: OwnHosts): number {
  const text = referer.slice(0, MAX_LENGTH);
  const authority = authorityStart(text);
  if (authority < 0) return payloadsOfHeader(text);
  return hosts.isOwnReferer(text, authority, host) ? OWN : payloadsOfAddress(text);
}
