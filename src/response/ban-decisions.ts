import { randomUUID } from 'node:crypto';
import type { CrawlerVerdict } from '../detection/crawlers/crawler-check.js';
import type { FindingCeiling } from '../detection/detection.options.js';
import type { DetectorResponse } from '../detection/detector.js';
import type { Finding } from '../detection/finding.js';
import type { FindingEvidence } from '../detection/response-finding.js';
import type { IpAddress } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';
import type { AuditNotes } from './audit-notes.js';
import { toldOf, type Ban } from './ban.js';
import { BanBudget } from './ban-budget.js';
import type { BanHistory } from './ban-history.js';
import { widerNetwork } from './ban-network.js';
import type { BansInForce } from './bans-in-force.js';
import type { ClientFacts } from './client-facts.js';
import type { IpTrackingEvents } from './ip-tracking-events.js';
import type { Observations } from './observations.js';
import { planResponse, type BanPlan, type Outcome } from './plan-response.js';
import type { Protection } from './protected-networks.js';
import { SubjectScores } from './subject-scores.js';
import type { WouldHave } from './would-have.js';

const HOUR_MS = 3_600_000;
const MAX_REASON_LENGTH = 1_000;

/** Why less was done than could have been, as far as people will want to read it. */
const TOLD_SOFTENINGS: ReadonlySet<string> = new Set([
  'grace',
  'protected',
  'verified-crawler',
  'unverified-crawler',
  'induced',
  'many-agents',
  'known-users',
]);

/** What {@link BanDecisions} are made with. */
export interface BanDecisionsParts {
  readonly ceiling: FindingCeiling;
  /** Whether anything follows at all; otherwise it is only counted what would have. */
  readonly isOn: boolean;
  /** Whether the database may have the address of a ban. */
  readonly mayStore: boolean;
  readonly force: BansInForce;
  readonly history: BanHistory;
  readonly notes: AuditNotes;
  readonly wouldHave: WouldHave;
  readonly observations: Observations;
  readonly events: IpTrackingEvents;
  /** Whether a client is blocked as it is. */
  isBlocked(network: Prefix): boolean;
  /** What protects a network, and the address in it where it is known, by the lists that are; null for nothing. */
  protectionOf(network: Prefix, address: IpAddress | null): Protection | null;
  now(): number;
  random(): number;
  warn(message: string): void;
}

/** A finding that something may follow from. */
export interface Asked {
  readonly finding: Finding;
  readonly level: DetectorResponse;
  readonly firstBanMs: number;
  readonly evidence: FindingEvidence;
  readonly network: Prefix;
  /** The client's own in it; null where it is not known any more. */
  readonly address: IpAddress | null;
  readonly agents: readonly string[];
}

/** Decides what follows from a finding about a client, by all that this process knows, and puts it into force. */
export class BanDecisions {
  readonly budgets = { block: new BanBudget(), limit: new BanBudget() };
  readonly scores = new SubjectScores();
  private toldProxyAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: BanDecisionsParts) {}

  /** @returns the finding where it is to be stored at once, because something follows. */
  answer(asked: Asked, crawler: CrawlerVerdict): Finding | null {
    const { now, isOn, ceiling, wouldHave, force } = this.parts;
    const nowMs = now();
    const random = this.parts.random();
    const { finding, level, firstBanMs, evidence } = asked;
    const outcome = planResponse(
      {
        finding: {
          subject: asked.network.toString(),
          detector: finding.detector,
          score: this.scores.of(finding.subject, nowMs),
          firstSeenMs: finding.firstSeen.getTime(),
          evidence,
        },
        client: this.factsOf(asked, crawler, nowMs),
        policy: { ceiling: isOn ? ceiling : 'ban', level, firstBanMs },
      },
      nowMs,
      () => random,
    );
    const { plan } = outcome;
    if (plan === null) {
      this.spared(asked, outcome, nowMs);
      return null;
    }
    const action = plan.action === 'ban' ? 'block' : 'limit';
    const current = force.of(asked.network, nowMs);
    if (current?.action === action && current.untilMs - nowMs > plan.lengthMs / 2) return null;
    const ban = this.banOf(asked, outcome, plan, random, nowMs);
    if (!this.hasRoom(asked, ban, nowMs)) return null;
    if (!isOn) wouldHave.made(plan.action, finding.detector);
    force.hold(ban);
    if (!isOn) return null;
    this.parts.events.tell('ban', () => toldOf(ban));
    return ban.finding;
  }

  private factsOf(
    { network, address }: Asked,
    crawler: CrawlerVerdict,
    nowMs: number,
  ): ClientFacts {
    const { history, observations, protectionOf } = this.parts;
    const isBlocked = this.parts.isBlocked(network);
    return {
      protection: protectionOf(network, address) ?? this.likelyProxy(network, nowMs),
      crawler,
      agentsThatLoadPages: observations.agentsThatLoadPages(network, nowMs),
      users: observations.usersOf(network, nowMs),
      history: history.of(network).map((ban) => ({
        ...ban,
        // What began by a clock that was set back since, or by another one, has begun.
        startedAtMs: Math.min(ban.startedAtMs, nowMs),
        // What its past has is when a ban was to end; whoever has ended it sooner need not have said so.
        endsAtMs: isBlocked ? ban.endsAtMs : Math.min(ban.endsAtMs, nowMs),
      })),
      pardonedAtMs: history.pardonedAtMs(network),
    };
  }

  private likelyProxy(network: Prefix, nowMs: number): Protection | null {
    if (!this.parts.observations.isLikelyProxy(network)) return null;
    if (Math.abs(nowMs - this.toldProxyAtMs) > HOUR_MS) {
      this.toldProxyAtMs = nowMs;
      this.parts.warn(
        `attacks seem to come from ${network.toString()}, which says for whom it asks and brings most of all requests: it is most likely a proxy of yours, and the client IP is not configured (clientIp). It is not banned, and nor is anybody behind it`,
      );
    }
    return { kind: 'likely-proxy', network: network.toString() };
  }

  private spared({ finding, network }: Asked, { code, reason }: Outcome, nowMs: number): void {
    if (!TOLD_SOFTENINGS.has(code)) return;
    if (this.parts.isOn) this.note('softened', { finding, network, code, reason }, nowMs);
    else this.parts.wouldHave.spared(false);
  }

  private banOf(
    { finding, network, firstBanMs }: Asked,
    { code, reason }: Outcome,
    { action, lengthMs, untilMs }: BanPlan,
    random: number,
    nowMs: number,
  ): Ban {
    const { history, mayStore } = this.parts;
    const wider =
      action === 'ban' ? widerNetwork(network, history.recentlyBanned(nowMs), nowMs) : null;
    const hint =
      wider === null ? '' : `; several networks of ${wider.toString()} are banned: look at it`;
    return {
      id: randomUUID(),
      network,
      text: network.toString(),
      action: action === 'ban' ? 'block' : 'limit',
      startedAtMs: nowMs,
      untilMs,
      firstMs: firstBanMs,
      random,
      mostMs: action === 'limit' ? lengthMs : null,
      evidenceFromMs: finding.firstSeen.getTime(),
      score: this.scores.of(finding.subject, nowMs),
      code,
      reason: `${reason}; ${finding.reason}${hint}`.slice(0, MAX_REASON_LENGTH),
      finding:
        wider === null
          ? finding
          : {
              ...finding,
              evidence: { ...finding.evidence, suggestedNetwork: wider.toString() },
            },
      isStorable: mayStore,
    };
  }

  private hasRoom({ finding, network }: Asked, ban: Ban, nowMs: number): boolean {
    const { isOn, wouldHave, observations, warn } = this.parts;
    const waiting = { network, score: ban.score, firstSeenMs: ban.evidenceFromMs };
    const clients = observations.clientsInLastHour(nowMs);
    const { refused, alarm } = this.budgets[ban.action].admit([waiting], nowMs, clients);
    if (alarm !== null && isOn) warn(alarm);
    if (refused.length === 0) return true;
    const reason = 'as many clients have been banned within an hour as may be';
    if (isOn) this.note('refused', { finding, network, code: 'budget', reason }, nowMs);
    else wouldHave.spared(true);
    return false;
  }

  private note(
    event: 'softened' | 'refused',
    about: { finding: Finding; network: Prefix; code: string; reason: string },
    nowMs: number,
  ): void {
    const { finding, network, code, reason } = about;
    this.parts.notes.add(
      {
        event,
        network: this.parts.mayStore ? network.toString() : null,
        subject: finding.subject,
        detector: finding.detector,
        code,
        reason: `${reason}; ${finding.reason}`.slice(0, MAX_REASON_LENGTH),
        actor: 'detection',
      },
      nowMs,
    );
  }
}
