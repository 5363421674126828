import type { RequestFacts } from './request-facts.js';

/** What browsers ask for when a page shows an image or has a style; scripts and `fetch()` ask for anything. */
const OF_A_PAGE = /^(?:image|video|audio|font)\/|^text\/css\b/;

/**
 * Whether a request looks like one that a page has made a browser send, though nothing proves it: over plain HTTP browsers
 * send no `Sec-Fetch-*`. Where they are sent, those speak.
 */
export function isImageLike({
  method,
  userAgent,
  accept,
  referer,
  secFetchMode,
  secFetchDest,
}: RequestFacts): boolean {
  if (method !== 'GET' || accept === null || secFetchMode !== null || secFetchDest !== null) {
    return false;
  }
  if (userAgent?.startsWith('Mozilla/5.0') !== true) return false;
  return OF_A_PAGE.test(accept) || (accept === '*/*' && referer !== null && referer !== '');
}
