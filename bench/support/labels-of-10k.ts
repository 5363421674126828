import type { AccessLogLine } from '../../src/judge/access-log/access-log-line.js';
import type { AddressLabel } from './judge-figures.js';

/** What nobody asks of a static site by accident: parts of WordPress, consoles, an editor to upload by. */
const ASKED = /\/(?:wp-login\.php|wp-admin|administrator|fckeditor)(?:[/?]|$)/i;
/** Three of these by one client are no mistake: a static page takes no comment. */
const POSTED = /\/trackback\/$/;
const POSTS = 3;

/**
 * Labels of the addresses in `test/fixtures/apache-combined-10k.log.gz`, from what each asked for and nothing else: the
 * log was read by eye for what its site, which is static, has never had. All others are taken for benign, so that
 * whoever is found among them is a false alarm.
 */
export function labelsOf10k(lines: Iterable<AccessLogLine>): AddressLabel[] {
  const requests = new Map<string, number>();
  const asked = new Set<string>();
  const posts = new Map<string, number>();
  for (const { ip, method, target } of lines) {
    const address = ip.toString();
    requests.set(address, (requests.get(address) ?? 0) + 1);
    if (ASKED.test(target)) asked.add(address);
    if (method === 'POST' && POSTED.test(target)) posts.set(address, (posts.get(address) ?? 0) + 1);
  }
  return [...requests].map(([ip, count]) => {
    const isHostile = asked.has(ip) || (posts.get(ip) ?? 0) >= POSTS;
    const why = isHostile ? 'asked for what the site never had' : 'nothing speaks against it';
    return { ip, label: isHostile ? 'hostile' : 'benign', why, requests: count };
  });
}
