import type { RequestFacts } from './request-facts.js';

/** Modes in which a browser asks for what it shows, and those in which it opens a frame. */
const LOADS = new Set(['cors', 'no-cors', 'same-origin']);
const FRAMES = new Set(['navigate', 'cors', 'no-cors']);

/** Destinations that are a part of a page, with the modes that go with them; `empty` is `fetch()`, beacons and reports. */
const PARTS = new Map<string, ReadonlySet<string>>([
  ['audio', LOADS],
  ['audioworklet', LOADS],
  ['empty', LOADS],
  ['font', LOADS],
  ['image', LOADS],
  ['json', LOADS],
  ['manifest', LOADS],
  ['paintworklet', LOADS],
  ['script', LOADS],
  ['serviceworker', LOADS],
  ['sharedworker', LOADS],
  ['style', LOADS],
  ['track', LOADS],
  ['video', LOADS],
  ['worker', LOADS],
  ['xslt', LOADS],
  ['embed', FRAMES],
  ['fencedframe', FRAMES],
  ['frame', FRAMES],
  ['iframe', FRAMES],
  ['object', FRAMES],
]);

/** Sites from which a page can have asked; `none` is what the user typed. */
const PAGE_SITES = new Set(['same-origin', 'same-site', 'cross-site']);

/**
 * Whether a browser asked because a page had told it to: for a part of the page, from its scripts, or, where the page was
 * another site's, to go there. Anybody can put an image of `/.env` into a page, or a link to it, and have all of its
 * readers ask for it: they are innocent.
 *
 * What a user types, and what a link of one's own site leads to, is asked for by the user. A program that sends these
 * headers passes for a browser; that is why only what a browser would send together is believed, and why this is no
 * more than a reason to wait for other signals.
 *
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function isPageFetch(facts: RequestFacts): boolean {
  const { secFetchDest: destination, secFetchMode: mode, secFetchSite: site } = facts;
  if (destination === null || mode === null || site === null) return false;
  if (!PAGE_SITES.has(site) || facts.userAgent?.startsWith('Mozilla/5.0') !== true) return false;
  if (destination === 'document') return mode === 'navigate' && site === 'cross-site';
  // Only who navigates has been activated by the user.
  if (facts.secFetchUser !== null && mode !== 'navigate') return false;
  return PARTS.get(destination)?.has(mode) === true;
}
