import type { CrawlerVerdict } from '../detection/crawlers/crawler-check.js';
import type { Detector, RuleFound } from '../detection/detector.js';
import { responseTo } from '../detection/detector-rule.js';
import { BanBudget } from '../response/ban-budget.js';
import { networkToBan } from '../response/ban-network.js';
import type { PastBan } from '../response/client-facts.js';
import { overBudget, planResponse, type Outcome } from '../response/plan-response.js';
import type { ProtectedNetworks, Protection } from '../response/protected-networks.js';
import type { ResponseFinding } from '../detection/response-finding.js';
import { evidenceOf } from '../response/finding-evidence.js';

/** A client whose findings are answered. */
export interface AnsweredClient {
  readonly subject: string;
  readonly agentsThatLoadPages: number;
  readonly crawler: CrawlerVerdict;
  readonly history: readonly PastBan[];
  /** The sum of what is against it. */
  readonly score: number;
}

/** What {@link WouldBeBans} says of a finding. */
export interface Answer {
  readonly outcome: Outcome;
  /** A ban that there was no room for. */
  readonly isOverBudget: boolean;
  /** The ban that would have been made, be there room or not. */
  readonly untilMs: number | null;
}

/** What a response would have done, had there been one: the same judgement as an app's, by a log's clock. */
export class WouldBeBans {
  private readonly budget = new BanBudget();

  constructor(private readonly networks: ProtectedNetworks) {}

  /** Answers a finding at the moment it is made. */
  answer(
    detector: Detector,
    found: RuleFound,
    client: AnsweredClient,
    { nowMs, clientsInLastHour }: { nowMs: number; clientsInLastHour: number },
  ): Answer {
    const finding = responseFinding(detector, found, client);
    const prefix = this.protectionOf(client.subject);
    const outcome = planResponse(
      {
        finding,
        client: {
          protection: prefix,
          crawler: client.crawler,
          agentsThatLoadPages: client.agentsThatLoadPages,
          // A log does not know who has signed in.
          users: { knownUsers: 0, successes: 0, failures: 0 },
          history: client.history,
          pardonedAtMs: null,
        },
        policy: { ceiling: 'ban', level: responseTo(detector, found) },
      },
      nowMs,
      () => MIDDLE,
    );
    const { plan } = outcome;
    if (plan?.action !== 'ban') return { outcome, isOverBudget: false, untilMs: null };
    const ban = { network: plan.network, score: finding.score, firstSeenMs: finding.firstSeenMs };
    const { refused } = this.budget.admit([ban], nowMs, clientsInLastHour);
    const isOverBudget = refused.length > 0;
    return {
      outcome: isOverBudget ? overBudget(outcome) : outcome,
      isOverBudget,
      untilMs: plan.untilMs,
    };
  }

  private protectionOf(subject: string): Protection | null {
    const network = networkToBan(subject);
    return network === null ? null : this.networks.of(network);
  }
}

/** By chance a ban is a fifth longer or shorter; a judgement is the same each time. */
const MIDDLE = 0.5;

function responseFinding(
  detector: Detector,
  found: RuleFound,
  { subject, score }: AnsweredClient,
): ResponseFinding {
  return {
    subject,
    detector: detector.name,
    score,
    firstSeenMs: found.firstSeen.getTime(),
    evidence: evidenceOf(detector, found),
  };
}
