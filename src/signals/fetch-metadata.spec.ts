import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import { isPageFetch } from './fetch-metadata.js';

function asked(
  destination: string | null,
  mode: string | null,
  site: string | null,
  user: string | null = null,
) {
  return requestFacts({
    secFetchDest: destination,
    secFetchMode: mode,
    secFetchSite: site,
    secFetchUser: user,
  });
}

describe('a browser asked for a page', () => {
  it.each([
    ['an image on another site', 'image', 'no-cors', 'cross-site'],
    ['an image of its own', 'image', 'no-cors', 'same-origin'],
    ['a font', 'font', 'cors', 'same-site'],
    ['a module', 'script', 'cors', 'same-origin'],
    ['fetch()', 'empty', 'cors', 'cross-site'],
    ['a beacon', 'empty', 'no-cors', 'same-origin'],
    ['a frame', 'iframe', 'navigate', 'cross-site'],
    ['a worker', 'worker', 'same-origin', 'same-origin'],
    ['a link or a redirect on another site', 'document', 'navigate', 'cross-site'],
  ])('for %s', (_, destination, mode, site) => {
    expect(isPageFetch(asked(destination, mode, site))).toBe(true);
  });

  it('for a frame that its user has opened', () => {
    expect(isPageFetch(asked('iframe', 'navigate', 'same-origin', '?1'))).toBe(true);
  });
});

describe('a user or a program asked', () => {
  it.each([
    ['who typed the address', 'document', 'navigate', 'none', '?1'],
    ['who followed a link of the site', 'document', 'navigate', 'same-origin', '?1'],
    [
      'whose headers do not go together: a document as an image is',
      'document',
      'no-cors',
      'cross-site',
      null,
    ],
    ['an image as a document is', 'image', 'navigate', 'cross-site', null],
    ['an image that a user has activated', 'image', 'no-cors', 'cross-site', '?1'],
    ['an image of no page', 'image', 'no-cors', 'none', null],
    ['an unknown destination', 'teapot', 'no-cors', 'cross-site', null],
    ['an unknown site', 'image', 'no-cors', 'elsewhere', null],
    ['that sends none of these headers', null, null, null, null],
    ['that sends one of them', 'image', null, null, null],
  ])('%s', (_, destination, mode, site, user) => {
    expect(isPageFetch(asked(destination, mode, site, user))).toBe(false);
  });

  it.each(['curl/8.5.0', null, ''])('whose user agent is %j', (userAgent) => {
    expect(isPageFetch({ ...asked('image', 'no-cors', 'cross-site'), userAgent })).toBe(false);
  });
});
