import { randomBytes } from 'node:crypto';
import type { CrawlerCheck } from '../detection/crawlers/crawler-check.js';
import type { CrawlerVerifier } from '../detection/crawlers/crawler-verifier.js';
import type { Detector } from '../detection/detector.js';
import { checkClaims, isClaimed } from '../detection/crawlers/crawler-claims.js';
import { fakeCrawlerFinding } from '../detection/detectors/fake-crawler.js';
import { findingOf } from '../detection/finding.js';
import { Watch, type WatchFound } from '../detection/watch/watch.js';
import type { WatchEvent } from '../detection/watch/watch-event.js';
import { clientKey, type ClientKey } from '../net/client-key.js';
import { IpAddress } from '../net/ip-address.js';
import { parsePrefix } from '../net/prefix.js';
import { ProtectedNetworks } from '../response/protected-networks.js';
import { bitsOf } from '../signals/signal.js';
import type { AccessLogLine } from './access-log/access-log-line.js';
import { ClientCounts } from './client-counts.js';
import { ClientUnderJudgement } from './client-under-judgement.js';

import type { JudgeMode } from './judgement.js';
import { LogClock } from './log-clock.js';
import { LogRequests } from './log-request.js';
import { PageAgents } from './page-agents.js';
import type { Site } from './site/site.js';
import { WouldBeBans } from './would-be-bans.js';

const DAY_MS = 86_400_000;
const ASSET = bitsOf(['asset']);
const OWN_REFERER = bitsOf(['own-referer']);
const NEITHER_GOOD = bitsOf(['unmatched', 'malformed']);
/** User agents differ in their first characters. */
const AGENT_LENGTH = 200;

/** What a {@link Judge} goes by. */
export interface JudgeParts {
  readonly detectors: readonly Detector[];
  readonly site: Site;
  readonly mode: JudgeMode;
  /** What the watch's counters may take, in bytes. */
  readonly maxBytes: number;
  readonly crawlers: CrawlerVerifier;
  /** Requests before it are not judged; epoch milliseconds. */
  readonly sinceMs: number;
}

/** Shows the lines of a log to the watch, by the log's own clock, and keeps what comes of it for each client. */
export class Judge {
  readonly clients = new Map<ClientKey, ClientUnderJudgement>();
  readonly counts = new ClientCounts();
  requests = 0;
  bansOverBudget = 0;
  /** Findings about crawlers that were verified. */
  exempted = 0;
  private readonly requestsOf: LogRequests;
  private readonly clock = new LogClock();
  private readonly agents = new PageAgents();
  private readonly bans = new WouldBeBans(ProtectedNetworks.from({}));
  private readonly fresh: WatchFound[] = [];
  private watch: Watch;

  constructor(private readonly parts: JudgeParts) {
    this.requestsOf = new LogRequests(parts.site);
    this.watch = this.newWatch();
  }

  /** Judges some lines, in their order. */
  async see(lines: readonly AccessLogLine[]): Promise<void> {
    const [first] = lines;
    if (first === undefined) return;
    const { timestampMs: lastMs } = lines.at(-1) ?? first;
    if (this.clock.restarts(first.timestampMs, lastMs)) await this.end();
    for (const line of lines) {
      if (line.timestampMs < this.parts.sinceMs) continue;
      this.one(line);
      if (this.fresh.length > 0 && this.answerAtOnce()) await this.answerAll();
    }
  }

  /** Lets the time be over for which some requests had to wait. */
  async end(): Promise<void> {
    this.watch.advance(this.nowMs * 1_000 + DAY_MS * 1_000);
    await this.answerAll();
    this.watch = this.newWatch();
  }

  private nowMs = 0;

  private newWatch(): Watch {
    const secret = randomBytes(8);
    return new Watch({
      detectors: this.parts.detectors,
      maxBytes: this.parts.maxBytes,
      seed: [secret.readInt32LE(0), secret.readInt32LE(4)],
      onFound: (found) => this.fresh.push(found),
    });
  }

  private one(line: AccessLogLine): void {
    const nowMs = this.clock.at(line.timestampMs);
    this.nowMs = nowMs;
    this.requests += 1;
    const key = clientKey(line.ip);
    this.counts.count(key, nowMs);
    const client = this.clients.get(key);
    if (client !== undefined && client.isRefused(nowMs)) return;
    const event = this.requestsOf.event(line, nowMs);
    this.notePage(key, event, nowMs, client);
    this.watch.see(event);
  }

  private notePage(
    key: ClientKey,
    { signals, status, userAgent }: WatchEvent,
    nowMs: number,
    client: ClientUnderJudgement | undefined,
  ): void {
    const bits = signals ?? 0;
    const isAsset = (bits & ASSET) !== 0;
    if (client !== undefined && isAsset && (bits & OWN_REFERER) !== 0) client.isLikeBrowser = true;
    if (status < 200 || status > 304 || (bits & NEITHER_GOOD) !== 0 || userAgent === null) return;
    this.agents.note(key, userAgent.slice(0, AGENT_LENGTH), isAsset, nowMs);
  }

  /** Answers what needs no question to DNS. @returns whether something is left that does. */
  private answerAtOnce(): boolean {
    if (this.fresh.some((fresh) => isClaimed(agentsOf(fresh)))) return true;
    for (const found of this.fresh.splice(0)) this.answer(found, null);
    return false;
  }

  private async answerAll(): Promise<void> {
    for (const fresh of this.fresh.splice(0)) {
      const ip = fresh.address ?? addressOf(fresh.subject);
      const claims =
        ip === null ? null : await checkClaims(this.parts.crawlers, ip, agentsOf(fresh));
      this.answer(fresh, claims);
    }
  }

  private answer(fresh: WatchFound, claims: CrawlerCheck | null): void {
    const { detector, subject, found } = fresh;
    const ip = fresh.address ?? addressOf(subject);
    if (ip === null) return;
    if (claims?.verdict === 'verified') {
      this.exempted += 1;
      return;
    }
    const key = clientKey(ip);
    const waitedMs = detector.rules[found.rule]?.without?.withinMs ?? 0;
    const foundMs = found.lastSeen.getTime() + waitedMs;
    let client = this.clients.get(key);
    if (client === undefined) {
      client = new ClientUnderJudgement(subject, foundMs);
      this.clients.set(key, client);
    }
    const finding = findingOf(detector, subject, found);
    client.add(finding);
    if (claims?.verdict === 'refuted') {
      const { crawler, reason } = claims;
      client.add(fakeCrawlerFinding(finding, { crawler: crawler ?? 'a crawler', reason }));
    }
    const pageAgents = this.agents.of(key, foundMs);
    if (pageAgents > 0) client.isLikeBrowser = true;
    if (this.parts.mode === 'ban') this.ban(client, fresh, foundMs, { pageAgents, claims });
  }

  private ban(
    client: ClientUnderJudgement,
    { detector, found }: WatchFound,
    nowMs: number,
    { pageAgents, claims }: { pageAgents: number; claims: CrawlerCheck | null },
  ): void {
    const { outcome, isOverBudget, untilMs } = this.bans.answer(
      detector,
      found,
      {
        subject: client.subject,
        agentsThatLoadPages: pageAgents,
        crawler: claims?.verdict ?? 'none',
        history: client.bans,
        score: client.scoreAt(nowMs),
      },
      { nowMs, clientsInLastHour: this.counts.inLastHour },
    );
    if (untilMs === null) {
      client.milder.set(outcome.code, outcome);
      return;
    }
    if (!isOverBudget) client.banned(nowMs, untilMs);
    else if (client.wantsBan(nowMs, untilMs)) this.bansOverBudget += 1;
  }
}

function addressOf(subject: string): IpAddress | null {
  const prefix = parsePrefix(subject);
  if (prefix === null) return null;
  const { family, w0, w1, w2, w3 } = prefix;
  return family === 4 ? IpAddress.fromV4(w0) : IpAddress.fromV6(w0, w1, w2, w3);
}

function agentsOf({ userAgent, found }: WatchFound): string[] {
  return userAgent === null ? [...found.agents] : [userAgent, ...found.agents];
}
