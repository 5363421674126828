import { parsePrefix } from '../net/prefix.js';
import { namesOf } from '../signals/signal.js';
import { claimedCrawlers } from './crawlers/crawler-claim.js';
import type {
  Detector,
  LogDetector,
  LogFinding,
  RuleFound,
  SubjectKind,
  Wording,
} from './detector.js';

/** What one detector has against one subject, as it is stored. */
export interface Finding {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly detector: string;
  readonly reason: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly weight: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Where the client claims to be a crawler: what the claim is verified by. It is not stored. */
  readonly claim?: CrawlerClaim;
}

/** Somebody who claims to be a crawler. */
export interface CrawlerClaim {
  /** One of the client's addresses; null where none is known. */
  readonly address: string | null;
  /** The user agents that claim it. */
  readonly agents: readonly string[];
}

/** What is known of a client beside what was found. */
export interface SeenClient {
  readonly address: string | null;
  readonly agents: readonly string[];
}

const MAX_REASON_LENGTH = 500;
/** Findings fade to nothing in a straight line within this time, in milliseconds. */
export const SCORE_FADES_MS = 30 * 86_400_000;

/** A finding of a rule. */
export function findingOf(
  detector: Detector,
  subject: string,
  found: RuleFound,
  seen: SeenClient = { address: null, agents: found.agents },
): Finding {
  const said = wordsOf(detector, found);
  const { paths, agents, methods, clients, signals, commonSignals, rule, count } = found;
  return {
    subjectKind: detector.of,
    subject: spelt(detector.of, subject),
    detector: detector.name,
    reason: said.reason.slice(0, MAX_REASON_LENGTH),
    evidence: {
      rule,
      count,
      windowMs: detector.rules[rule]?.windowMs,
      firstSeen: found.firstSeen,
      lastSeen: found.lastSeen,
      signals,
      commonSignals,
      paths,
      methods,
      agents,
      ...(detector.of === 'client' ? {} : { clients }),
    },
    weight: said.weight ?? detector.rules[rule]?.weight ?? detector.weight,
    firstSeen: found.firstSeen,
    lastSeen: found.lastSeen,
    ...claimOf(detector.of, seen),
  };
}

/** A finding of a detector that reads the log by a query of its own. */
export function findingInLog(detector: LogDetector, found: LogFinding): Finding {
  return {
    subjectKind: detector.of,
    subject: spelt(detector.of, found.subject),
    detector: detector.name,
    reason: found.reason.slice(0, MAX_REASON_LENGTH),
    evidence: found.evidence,
    weight: found.weight ?? detector.weight,
    firstSeen: found.firstSeen,
    lastSeen: found.lastSeen,
    ...claimOf(detector.of, { address: found.address ?? null, agents: found.agents ?? [] }),
  };
}

function claimOf(kind: SubjectKind, { address, agents }: SeenClient): Pick<Finding, 'claim'> {
  if (kind !== 'client') return {};
  const claiming = agents.filter((agent) => claimedCrawlers(agent).length > 0);
  return claiming.length === 0 ? {} : { claim: { address, agents: claiming } };
}

/** A host's words may throw; the finding is worth more. */
function wordsOf(detector: Detector, found: RuleFound): Wording {
  try {
    return detector.words(found);
  } catch {
    return { reason: `${found.count} requests that ${detector.name} counts` };
  }
}

/** A client in one spelling, whoever has written it. */
export function spelt(kind: SubjectKind, text: string): string {
  if (kind !== 'client') return text;
  const prefix = parsePrefix(text);
  if (prefix === null) return text;
  return prefix.length === (prefix.family === 4 ? 32 : 128)
    ? prefix.toString().replace(/\/\d+$/, '')
    : prefix.toString();
}

/** The finding that says more: of two by one detector about one subject. */
export function stronger(one: Finding, other: Finding): Finding {
  const [first, second] = one.weight >= other.weight ? [one, other] : [other, one];
  const claim = first.claim ?? second.claim;
  return {
    ...first,
    ...(claim === undefined ? {} : { claim }),
    firstSeen: new Date(Math.min(first.firstSeen.getTime(), second.firstSeen.getTime())),
    lastSeen: new Date(Math.max(first.lastSeen.getTime(), second.lastSeen.getTime())),
  };
}

/** What tells findings apart. */
export function keyOf({
  subjectKind,
  subject,
  detector,
}: Pick<Finding, 'subjectKind' | 'subject' | 'detector'>): string {
  return `${detector}\n${subjectKind}\n${subject}`;
}

/** Some findings, each subject and detector once. */
export function strongest(findings: readonly Finding[]): Finding[] {
  const byKey = new Map<string, Finding>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const before = byKey.get(key);
    byKey.set(key, before === undefined ? finding : stronger(before, finding));
  }
  return [...byKey.values()];
}

/** A row of a rule's statement as what was found; PostgreSQL's arrays may hold nothing. */
export function foundInLog(rule: number, row: Record<string, unknown>): RuleFound {
  const texts = (name: string, most: number): string[] =>
    [...new Set((row[name] ?? []) as (string | null)[])]
      .filter((text) => text !== null)
      .slice(0, most);
  return {
    rule,
    count: Number(row['count']),
    firstSeen: row['firstSeen'] as Date,
    lastSeen: row['lastSeen'] as Date,
    signals: namesOf(Number(row['signals'])),
    commonSignals: namesOf(Number(row['commonSignals'])),
    paths: texts('paths', 10),
    agents: texts('agents', 5),
    methods: texts('methods', 5),
    clients: texts('clients', 100),
  };
}

/** What such a row knows of its client, which is more than is shown. */
export function seenInLog(row: Record<string, unknown>): SeenClient {
  return {
    address: (row['address'] ?? null) as string | null,
    agents: [...new Set((row['agents'] ?? []) as string[])],
  };
}
