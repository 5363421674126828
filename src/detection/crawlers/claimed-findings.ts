import { isLocal } from '../../net/special-ranges.js';
import { parseIp, type IpAddress } from '../../net/ip-address.js';
import { fakeCrawlerFinding } from '../detectors/fake-crawler.js';
import type { Finding } from '../finding.js';
import { checkClaims } from './crawler-claims.js';
import type { CrawlerVerifier } from './crawler-verifier.js';

/** They count what anybody does, a crawler that is one included, and never do more than flag. */
const OF_ANYBODY: ReadonlySet<string> = new Set(['request-volume', 'sensitive-path']);

/** What became of findings about clients who claim to be crawlers. */
export interface CheckedFindings {
  /** Those that are left, and those about false claims. */
  readonly findings: Finding[];
  /** How many were about crawlers that are who they say. */
  readonly verified: number;
}

/** What a {@link ClaimedFindings} goes by. */
export interface ClaimedFindingsParts {
  readonly verifier: Pick<CrawlerVerifier, 'verify'>;
  /** Whether what is stored of an address is the address: DNS knows no other, and nobody else is to be told of it. */
  readonly hasAddresses: boolean;
  /** What a false claim weighs, from 0 to 100; null where it is no finding. */
  readonly fakeWeight: number | null;
}

/**
 * Asks who they are that claim to be crawlers, when something was found about them: never on a request's way, and never
 * while anything is locked, since DNS takes its time.
 */
export class ClaimedFindings {
  constructor(private readonly parts: ClaimedFindingsParts) {}

  /** Whether a finding has to wait for an answer. */
  isClaimed(finding: Finding): boolean {
    const isExemptible = finding.claim !== undefined && !OF_ANYBODY.has(finding.detector);
    return isExemptible && this.addressOf(finding) !== null;
  }

  /** Asks about all of them. Never rejects, and takes no longer than a lookup may. */
  async check(findings: readonly Finding[]): Promise<CheckedFindings> {
    const checked = await Promise.all(findings.map((finding) => this.checkOne(finding)));
    return {
      findings: checked.flat(),
      verified: checked.filter((left) => left.length === 0).length,
    };
  }

  private async checkOne(finding: Finding): Promise<Finding[]> {
    const { claim, ...rest } = finding;
    const ip = this.addressOf(finding);
    if (claim === undefined || ip === null) return [finding];
    const check = await checkClaims(this.parts.verifier, ip, claim.agents);
    const { verdict, reason } = check;
    if (verdict === 'verified') return [];
    if (verdict === 'none') return [rest];
    const crawler = check.crawler ?? 'a crawler';
    const told = {
      ...rest,
      evidence: { ...rest.evidence, claim: { crawler, verdict, reason } },
    };
    const { fakeWeight } = this.parts;
    if (verdict !== 'refuted' || fakeWeight === null) return [told];
    const evidence = { agents: claim.agents.slice(0, 5) };
    const fake = fakeCrawlerFinding({ ...rest, evidence }, { crawler, reason });
    return [told, { ...fake, weight: fakeWeight }];
  }

  /** The address that DNS can be asked about: what is stored hashed or truncated is none, nor is one of a private network. */
  private addressOf({ claim, subject }: Finding): IpAddress | null {
    if (!this.parts.hasAddresses) return null;
    const ip = parseIp(claim?.address ?? subject);
    return ip === null || isLocal(ip) ? null : ip;
  }
}
