import type { NameResolver } from '../detection/crawlers/crawler-check.js';
import { CrawlerVerifier } from '../detection/crawlers/crawler-verifier.js';
import { dnsResolver } from '../detection/crawlers/dns-resolver.js';
import type { DetectorTuning } from '../detection/tuned-detectors.js';
import type { AccessLogs } from './access-log/access-logs.js';
import type { ClientUnderJudgement } from './client-under-judgement.js';
import type { ClientKey } from '../net/client-key.js';
import { certaintyOf, doubtsOf } from './doubts.js';
import { judgeDetectors } from './judge-detectors.js';
import { Judge } from './judge.js';
import type { JudgedClient, JudgeMode, Judgement } from './judgement.js';
import { PatientResolver } from './patient-resolver.js';
import type { Site } from './site/site.js';
import { SiteLearner } from './site/site-learner.js';

/** How {@link judgeLog} judges. */
export interface JudgeOptions {
  readonly mode: JudgeMode;
  /** Thresholds, weights and responses of detectors, by their names. @default as they are */
  readonly tuning?: Readonly<Record<string, DetectorTuning>>;
  /** Requests before this moment are learnt from and not judged: epoch milliseconds, or so long before the log's end. @default all */
  readonly since?: { readonly atMs: number } | { readonly beforeEndMs: number };
  /**
   * Whom to ask who those are that claim to be crawlers; `true` for the name servers of this machine. Published ranges are
   * asked first, and of an old log DNS may say what was not so then. @default false: nobody
   */
  readonly dns?: boolean | NameResolver;
  /** What the watch's counters may take, in bytes. @default 150000000 */
  readonly maxBytes?: number;
  /** What the site's own routes are, where that is known. @default learnt from the log, in a pass of its own */
  readonly site?: Site;
}

const MAX_BYTES = 150_000_000;

/**
 * Judges access logs by the detectors of the watch, by the logs' own clock: once to learn what the site itself answers,
 * and once to judge.
 *
 * @throws IpTrackingError `IPT_ACCESS_LOG` where a log cannot be read, and as `tunedDetectors`.
 */
export async function judgeLog(logs: AccessLogs, options: JudgeOptions): Promise<Judgement> {
  const { mode, dns = false, tuning = {}, maxBytes = MAX_BYTES } = options;
  const asksDns = dns !== false;
  const { detectors, notRun } = judgeDetectors(tuning, asksDns);
  const { site, fromMs, toMs } = await learn(logs);
  const resolver = new PatientResolver(resolverOf(dns), () => performance.now());
  const judge = new Judge({
    detectors,
    site: options.site ?? site,
    mode,
    maxBytes,
    crawlers: new CrawlerVerifier({
      resolver,
      now: () => performance.now(),
    }),
    sinceMs: sinceOf(options.since, toMs),
  });
  for await (const batch of logs.batches()) await judge.see(batch);
  await judge.end();
  const clients = [...judge.clients].map(([key, client]) => judged(key, client, judge, toMs));
  return {
    mode,
    log: logs.report!,
    from: dateOf(fromMs),
    to: dateOf(toMs),
    requests: judge.requests,
    clientCount: judge.counts.size,
    detectorsRun: detectors.map(({ name }) => name),
    detectorsNotRun: notRun,
    assumptions: assumptionsOf(judge, options.site ?? site, {
      asksDns,
      isDnsSilent: asksDns && resolver.hasGivenUp,
    }),
    clients: clients.sort(byScore),
    bansOverBudget: judge.bansOverBudget,
    crawlersSpared: judge.exempted,
  };
}

/** Asks nobody: who is in no published range stays unknown. */
const NOBODY: NameResolver = {
  reverse: () => Promise.reject(new Error('DNS is not asked')),
  forward: () => Promise.reject(new Error('DNS is not asked')),
};

function resolverOf(dns: boolean | NameResolver): NameResolver {
  if (typeof dns !== 'boolean') return dns;
  return dns ? dnsResolver() : NOBODY;
}

interface Learnt {
  readonly site: Site;
  /** Infinite where there is no request. */
  readonly fromMs: number;
  readonly toMs: number;
}

async function learn(logs: AccessLogs): Promise<Learnt> {
  const learner = new SiteLearner();
  let fromMs = Infinity;
  let toMs = -Infinity;
  for await (const batch of logs.batches()) {
    for (const line of batch) {
      learner.see(line);
      if (line.timestampMs < fromMs) fromMs = line.timestampMs;
      if (line.timestampMs > toMs) toMs = line.timestampMs;
    }
  }
  return { site: learner.learnt(), fromMs, toMs };
}

function sinceOf(since: JudgeOptions['since'], toMs: number): number {
  if (since === undefined) return -Infinity;
  return 'atMs' in since ? since.atMs : toMs - since.beforeEndMs;
}

function dateOf(ms: number): Date | null {
  return Number.isFinite(ms) ? new Date(ms) : null;
}

function judged(
  key: ClientKey,
  client: ClientUnderJudgement,
  judge: Judge,
  toMs: number,
): JudgedClient {
  const findings = [...client.findings.values()].sort((a, b) => b.weight - a.weight);
  const doubts = doubtsOf(client);
  return {
    ipAddress: client.subject,
    detectors: findings.map(({ detector }) => detector),
    score: client.scoreAt(toMs),
    requests: judge.counts.of(key),
    refused: client.refused,
    refusedWithoutBudget: client.refusedWithoutBudget,
    firstFindingAt: new Date(client.firstFoundMs),
    bannedFrom: client.bannedFromMs === null ? null : new Date(client.bannedFromMs),
    reasons: findings.map(({ reason }) => reason),
    certainty: certaintyOf(findings, doubts),
    doubts,
  };
}

function byScore(one: JudgedClient, other: JudgedClient): number {
  return (
    other.score - one.score ||
    other.requests - one.requests ||
    (one.ipAddress < other.ipAddress ? -1 : 1)
  );
}

function assumptionsOf(
  judge: Judge,
  site: Site,
  { asksDns, isDnsSilent }: { asksDns: boolean; isDnsSilent: boolean },
): string[] {
  const { routes, hosts, isWordPress, hasScripts } = site.facts;
  const count = routes.size.toLocaleString('en');
  const said = [
    `the site's own are ${count} paths that several clients were given, and a 404 of any other path means that there is no route`,
  ];
  if (isWordPress) said.push('the site is a WordPress: what it answers of it is its own');
  if (hasScripts) said.push('the site runs scripts such as .php: asking for one means nothing');
  said.push(
    hosts.size > 0
      ? `the site is called ${[...hosts].slice(0, 5).join(', ')}`
      : 'what the site is called is not known: no referer is its own, and no whole URL is a foreign one',
  );
  said.push(
    'a refused login is a 401 or 403; no user is known, and no page that made a browser ask',
  );
  if (!asksDns)
    said.push(
      'who claims to be a crawler is one if its published ranges say so, and else not banned for what is not grave',
    );
  if (isDnsSilent)
    said.push(
      'DNS has left so many questions open that it was asked no more: whoever claims to be a crawler since then is unknown',
    );
  if (judge.counts.isFull) said.push('there are more clients than requests are counted of');
  return said;
}
