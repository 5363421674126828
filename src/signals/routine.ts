import { fold } from './marks.js';

/** What browsers, phones, crawlers and mail programs ask every site for without being told to. */
const FILES = new Set([
  'robots.txt',
  'ads.txt',
  'app-ads.txt',
  'security.txt',
  'humans.txt',
  'llms.txt',
  'sitemap.xml',
  'sitemap_index.xml',
  'favicon.ico',
  'favicon.png',
  'favicon.svg',
  'browserconfig.xml',
  'manifest.json',
  'site.webmanifest',
  'manifest.webmanifest',
  'crossdomain.xml',
  'apple-app-site-association',
  'autodiscover.xml',
  'wpad.dat',
]);
/** How they end. */
const ENDINGS = new Set('txt xml ico png svg json webmanifest dat'.split(' '));
const WELL_KNOWN = '/.well-known/';
const LONGEST = 64;

/**
 * Whether every site is asked for this path: its icons, what it tells crawlers, and what stands in `/.well-known/`
 * (RFC 8615).
 *
 * @param path as it came, or decoded and in lower case.
 * @param ending the path's, without its dot; empty where it has none.
 */
export function isRoutine(path: string, ending: string): boolean {
  if (isWellKnown(path)) return true;
  if (ending !== '' && !ENDINGS.has(ending)) return false;
  const start = path.lastIndexOf('/') + 1;
  if (path.length - start > LONGEST) return false;
  const name = fold(path.slice(start));
  // Phones ask for icons of many sizes, with and without `-precomposed`, in every folder.
  return FILES.has(name) || (name.startsWith('apple-touch-icon') && name.endsWith('.png'));
}

/** Whether a path lies in `/.well-known/`, and stays there. */
export function isWellKnown(path: string): boolean {
  return path.startsWith(WELL_KNOWN) && !path.includes('..') && !path.includes('%');
}
