import { SCORE_FADES_MS, stronger, type Finding } from '../detection/finding.js';
import type { PastBan } from '../response/client-facts.js';
import type { Outcome } from '../response/plan-response.js';

/** A client against whom there is something, and what a ban would have done about it. */
export class ClientUnderJudgement {
  /** By detector. */
  readonly findings = new Map<string, Finding>();
  readonly bans: PastBan[] = [];
  /** Why no ban was made, by the response's code. */
  readonly milder = new Map<string, Outcome>();
  /** Requests that a ban would have met; and if there was no bound on the number of bans. */
  refused = 0;
  refusedWithoutBudget = 0;
  /** It has loaded what pages are drawn with, as browsers do. */
  isLikeBrowser = false;
  private ban: PastBan | null = null;
  private wanted: PastBan | null = null;

  constructor(
    readonly subject: string,
    /** Epoch milliseconds. */
    readonly firstFoundMs: number,
  ) {}

  /** When it was banned first, in epoch milliseconds; null for never. */
  get bannedFromMs(): number | null {
    return this.bans[0]?.startedAtMs ?? null;
  }

  add(finding: Finding): void {
    const before = this.findings.get(finding.detector);
    this.findings.set(finding.detector, before === undefined ? finding : stronger(finding, before));
  }

  /** Counts a request, and says whether a ban refuses it. */
  isRefused(nowMs: number): boolean {
    const isBanned = isWithin(this.ban, nowMs);
    if (isBanned) this.refused += 1;
    if (isBanned || isWithin(this.wanted, nowMs)) this.refusedWithoutBudget += 1;
    return isBanned;
  }

  /** Notes a ban that was made. */
  banned(startedAtMs: number, endsAtMs: number): void {
    this.ban = { action: 'ban', startedAtMs, endsAtMs };
    this.bans.push(this.ban);
  }

  /** Notes a ban for which there was no room. @returns whether it is the first for this while. */
  wantsBan(startedAtMs: number, endsAtMs: number): boolean {
    if (isWithin(this.wanted, startedAtMs)) return false;
    this.wanted = { action: 'ban', startedAtMs, endsAtMs };
    return true;
  }

  /** Its score at a moment, in epoch milliseconds. */
  scoreAt(nowMs: number): number {
    let score = 0;
    for (const { weight, lastSeen } of this.findings.values()) {
      const ageMs = Math.max(0, nowMs - lastSeen.getTime());
      score += weight * Math.max(0, 1 - ageMs / SCORE_FADES_MS);
    }
    return Math.round(score * 10) / 10;
  }
}

function isWithin(ban: PastBan | null, nowMs: number): boolean {
  return ban !== null && ban.startedAtMs <= nowMs && nowMs < ban.endsAtMs;
}
