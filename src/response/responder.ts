import { checkClaims, isClaimed } from '../detection/crawlers/crawler-claims.js';
import type { CrawlerVerdict } from '../detection/crawlers/crawler-check.js';
import type { CrawlerVerifier } from '../detection/crawlers/crawler-verifier.js';
import type { Detector, LogDetector } from '../detection/detector.js';
import { isLogDetector, responseTo } from '../detection/detector-rule.js';
import type { Finding } from '../detection/finding.js';
import type {
  FindingResponse,
  FindingStore,
  FreshFinding,
  Statements,
} from '../detection/finding-response.js';
import type { StoredFinding } from '../detection/suspicious-ip.repository.js';
import type { IpAddress } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';
import { trackerKey } from '../net/tracker-key.js';
import type { LogRecord } from '../request-log/record/request-record.js';
import { NO_RULES } from '../rules/decide.js';
import type { HeldRules } from '../rules/held-rules.js';
import type { Ban } from './ban.js';
import { BanDecisions, type Asked, type BanDecisionsParts } from './ban-decisions.js';
import { FIRST_BAN_MS, FIRST_BAN_OF_DETECTOR_MS } from './ban-length.js';
import { networkToBan } from './ban-network.js';
import { writeBans } from './ban-writer.js';
import { evidenceOf } from './finding-evidence.js';
import { addressOf } from './observations.js';

/** The scan finds what was some time ago: for what is older than this nobody is banned any more, in milliseconds. */
const FRESH_MS = 7_200_000;
/** Findings that wait until any rules are known. */
const MAX_POSTPONED = 1_000;
/** A detector that reads the log by a query of its own. */
const NO_RULES_OF_ITS_OWN: Pick<Detector, 'rules'> = { rules: [] };

/** What a {@link Responder} is made with. */
export interface ResponderParts extends BanDecisionsParts {
  /** Whether findings have real addresses. */
  readonly hasRealSubjects: boolean;
  readonly rules: {
    readonly isKnown: boolean;
    reload(): Promise<void>;
    readonly status: { readonly isOut: boolean };
  };
  /** Where bans are held: over the live rules, or aside where nothing follows. */
  readonly held: HeldRules;
  readonly crawlers: CrawlerVerifier | null;
}

/** Answers findings as they are made: a ban is in force when this has said so, before another request is looked at. */
export class Responder implements FindingResponse {
  private readonly verifying = new Set<string>();
  private postponed: Asked[] = [];
  private store: FindingStore | null = null;

  readonly decisions: BanDecisions;

  constructor(private readonly parts: ResponderParts) {
    this.decisions = new BanDecisions(parts);
  }

  serve(store: FindingStore): void {
    this.store = store;
  }

  ended(record: LogRecord): void {
    const { observations, isOn, held, wouldHave } = this.parts;
    observations.ended(record);
    if (isOn || held.size === 0 || record.ip === null) return;
    const { block } = held.over(NO_RULES, record.ip, record.timestampMs);
    if (block !== null) wouldHave.refuses(record.userId !== null);
  }

  found({ finding, detector, found, address, userAgent }: FreshFinding): Finding | null {
    if (finding.subjectKind !== 'client') return null;
    const level = responseTo(detector, found);
    this.decisions.scores.note(finding);
    const network = this.clientOf(finding.subject, address);
    if (network === null) return null;
    const agents = userAgent === null ? found.agents : [userAgent, ...found.agents];
    return this.ask({
      finding,
      level,
      firstBanMs: firstBanOf(detector),
      evidence: evidenceOf(detector, found),
      network,
      address: address ?? onlyAddressOf(network),
      agents,
    });
  }

  scanned(stored: readonly StoredFinding[], detectors: readonly (Detector | LogDetector)[]): void {
    const { now, events } = this.parts;
    for (const one of stored) {
      if (one.isNew) events.tell('finding', () => one);
      const detector = detectors.find(({ name }) => name === one.detector);
      const isFresh = now() - one.lastSeenAt.getTime() < FRESH_MS;
      if (detector === undefined || !isFresh || one.subjectKind !== 'client') continue;
      const network = this.clientOf(one.subject, null);
      if (network === null) continue;
      const finding = findingAgain(one);
      this.decisions.scores.note(finding);
      const {
        rule = 0,
        count = 0,
        signals = [],
        commonSignals = [],
        paths = [],
        agents = [],
      } = one.evidence as Partial<FreshFinding['found']>;
      const level = isLogDetector(detector)
        ? (detector.response ?? 'flag')
        : responseTo(detector, { rule });
      const urgent = this.ask({
        finding,
        level,
        firstBanMs: firstBanOf(detector),
        evidence: evidenceOf(isLogDetector(detector) ? NO_RULES_OF_ITS_OWN : detector, {
          rule,
          count,
          signals,
          commonSignals,
          paths,
        }),
        network,
        address: onlyAddressOf(network),
        agents,
      });
      if (urgent !== null) this.store?.storeSoon(urgent);
    }
  }

  async write(
    statements: Statements,
    findings: readonly Finding[],
    stored: readonly StoredFinding[],
  ): Promise<() => Promise<void>> {
    const { force, events, observations, now, isOn } = this.parts;
    const nowMs = now();
    const bans = isOn ? force.due(findings, nowMs) : [];
    const clientsInLastHour = bans.length === 0 ? 0 : observations.clientsInLastHour(nowMs);
    const outcomes =
      bans.length === 0 ? [] : await writeBans(statements, bans, { now, clientsInLastHour });
    return async () => {
      force.written(outcomes);
      for (const one of stored) if (one.isNew) events.tell('finding', () => one);
      await this.handOver();
    };
  }

  /** Lets stored rules stand for what was stored of bans. */
  async handOver(): Promise<void> {
    const { force, rules } = this.parts;
    if (!force.isHandingOver) return;
    await rules.reload();
    if (!rules.status.isOut) force.followed();
  }

  /** Somebody has pardoned a network. What this process knows of its clients from before is forgotten. */
  pardoned(network: Prefix, atMs: number, clients: readonly IpAddress[]): void {
    const { history, force, observations } = this.parts;
    history.pardon(network, atMs);
    force.pardon(network, atMs);
    this.postponed = this.postponed.filter((asked) => !asked.network.overlaps(network));
    for (const client of clients) {
      this.decisions.scores.forget(trackerKey(client));
      observations.forget(client);
    }
    this.store?.forget(clients);
  }

  /** Puts into force what an earlier process had not stored. */
  takeOver(bans: readonly Ban[]): void {
    const { force, now } = this.parts;
    const nowMs = now();
    for (const ban of bans) {
      if (force.of(ban.network, nowMs) !== null) continue;
      force.hold(ban);
      this.decisions.budgets[ban.action].note(ban.network, ban.startedAtMs, nowMs);
      this.store?.storeSoon(ban.finding);
    }
  }

  /** Stores anew what bans rest on that have waited for too long, and answers what waited for the rules. */
  goOn(): void {
    const { force, now, isOn } = this.parts;
    if (isOn) for (const ban of force.overdue(now())) this.store?.storeSoon(ban.finding);
    this.rulesChanged();
  }

  /** Answers what has waited until any rules are known, once they are. */
  rulesChanged(): void {
    if (!this.parts.rules.isKnown || this.postponed.length === 0) return;
    for (const asked of this.postponed.splice(0)) {
      const urgent = this.ask(asked);
      if (urgent !== null) this.store?.storeSoon(urgent);
    }
  }

  /** The network of a client, by its real address. */
  private clientOf(subject: string, address: IpAddress | null): Prefix | null {
    if (address !== null) return networkToBan(trackerKey(address));
    return this.parts.hasRealSubjects ? networkToBan(subject) : null;
  }

  private ask(asked: Asked): Finding | null {
    const { level, network, agents } = asked;
    if (level === 'flag' || level === 'off') return null;
    const { rules, crawlers, isBlocked } = this.parts;
    if (isBlocked(network)) return null;
    if (!rules.isKnown) {
      // Who is allowed is not known either, and nobody may be banned who is.
      if (this.postponed.length < MAX_POSTPONED) this.postponed.push(asked);
      return null;
    }
    if (!isClaimed(agents)) return this.decisions.answer(asked, 'none');
    const answered = verdictOf(asked.finding);
    if (answered !== null) return this.decisions.answer(asked, answered);
    // A name belongs to one address, which its neighbours in a /64 do not share.
    const { address } = asked;
    if (crawlers === null || address === null) return this.decisions.answer(asked, 'unknown');
    void this.verify(asked, address, crawlers);
    return null;
  }

  private async verify(asked: Asked, address: IpAddress, crawlers: CrawlerVerifier): Promise<void> {
    const key = asked.network.toString();
    if (this.verifying.has(key)) return;
    this.verifying.add(key);
    const { verdict } = await checkClaims(crawlers, address, asked.agents);
    this.verifying.delete(key);
    const urgent = this.decisions.answer(asked, verdict);
    if (urgent !== null) this.store?.storeSoon(urgent);
  }
}

/** The one address that an IPv4 client is; null for the many of an IPv6 network. */
function onlyAddressOf(network: Prefix): IpAddress | null {
  return network.family === 4 ? addressOf(network) : null;
}

/** What DNS has said before the finding was stored; null where it was not asked. */
function verdictOf({ evidence }: Finding): CrawlerVerdict | null {
  const { verdict } = (evidence['claim'] ?? {}) as { verdict?: unknown };
  return verdict === 'refuted' || verdict === 'unknown' ? verdict : null;
}

function firstBanOf({ name, firstBanMs }: Detector | LogDetector): number {
  return firstBanMs ?? FIRST_BAN_OF_DETECTOR_MS[name] ?? FIRST_BAN_MS;
}

function findingAgain(one: StoredFinding): Finding {
  const { subjectKind, subject, detector, reason, evidence, weight, firstSeenAt, lastSeenAt } = one;
  return {
    subjectKind,
    subject,
    detector,
    reason,
    evidence,
    weight,
    firstSeen: firstSeenAt,
    lastSeen: lastSeenAt,
  };
}
