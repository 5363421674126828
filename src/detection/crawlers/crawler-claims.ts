import type { IpAddress } from '../../net/ip-address.js';
import type { CrawlerCheck, CrawlerVerdict } from './crawler-check.js';
import { claimedCrawlers } from './crawler-claim.js';
import type { CrawlerVerifier } from './crawler-verifier.js';

const NO_CLAIM: CrawlerCheck = {
  verdict: 'none',
  crawler: null,
  reason: 'claims to be no crawler',
};
/** What says most comes first: an address that is a crawler's remains one, whatever else it was called. */
const MOST_FIRST: readonly CrawlerVerdict[] = ['verified', 'refuted', 'unknown', 'none'];

/** Whether any of some user agents claims to be a crawler that can be verified. */
export function isClaimed(agents: readonly string[]): boolean {
  return agents.some((agent) => claimedCrawlers(agent).length > 0);
}

/** What becomes of the claims of an address. Never rejects. */
export async function checkClaims(
  verifier: Pick<CrawlerVerifier, 'verify'>,
  ip: IpAddress,
  agents: readonly string[],
): Promise<CrawlerCheck> {
  const claiming = agents.filter((agent) => claimedCrawlers(agent).length > 0);
  const checks = await Promise.all(claiming.map((agent) => verifier.verify(ip, agent)));
  for (const verdict of MOST_FIRST) {
    const check = checks.find((one) => one.verdict === verdict);
    if (check !== undefined) return check;
  }
  return NO_CLAIM;
}
