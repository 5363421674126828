import type { SubjectKind } from './detector.js';
import { type Finding, SCORE_FADES_MS, strongest } from './finding.js';
import type { SuspiciousIp } from './suspicious-ip.entity.js';

/** A stored finding, and whether this was its first time, or the first since somebody settled it. */
export interface StoredFinding extends SuspiciousIp {
  isNew: boolean;
}

/** A stored finding with what speaks against its subject in all. */
export interface ScoredFinding extends SuspiciousIp {
  /** The weights of all findings of its subject that nobody has settled, each fading to nothing over 30 days. */
  score: number;
}

/** Why a client's findings are not kept. */
export type Exemption =
  'allow rule' | 'trusted proxy' | 'own address' | 'verified crawler' | 'misconfigured trust';

/** What became of findings. */
export interface SavedFindings {
  stored: StoredFinding[];
  exempted: Partial<Record<Exemption, number>>;
}

/** Where statements are run: the database, or a transaction of it. */
interface Manager {
  query<Row>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/** So many findings go with one statement. */
const AT_ONCE = 2_000;

const COLUMNS = `id, subject_kind as "subjectKind", subject, ip_address as "ipAddress", detector, reason, evidence, weight,
  first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt", flagged_at as "flaggedAt", updated_at as "updatedAt",
  resolved_at as "resolvedAt", resolved_by as "resolvedBy", note`;

/**
 * The clients among findings that are exempt, with the reason. Networks of which an IPv6 client is a part, or that are a
 * part of it, speak for it.
 *
 * @param findings a table with their `"subjectKind"` and `subject`.
 */
function exemptOf(findings: string): string {
  return `
  select distinct on (f.client) f.client, exempt.why
    from (select distinct subject as client, subject::inet as network from ${findings} where "subjectKind" = 'client') as f,
         lateral (
           select 'allow rule' as why, 1 as place from ip_tracking.ip_rule
            where action = 'allow' and ip_rule.network && f.network and (expires_at is null or expires_at > now())
           union all
           select kind, 2 from ip_tracking.protected_network
            where kind in ('trusted proxy', 'own address') and protected_network.network && f.network
              and announced_at > now() - interval '7 days') as exempt
   order by f.client, exempt.place`;
}

const EXEMPT = exemptOf(
  `jsonb_to_recordset($1::jsonb) as finding("subjectKind" text, subject text)`,
);

/**
 * What weighs more says more, and of what weighs the same what is found later: the rules of a detector find one after the
 * other, and a hint of today must not take the words of the secret that went out an hour ago. What was settled says
 * nothing any more.
 */
const SAYS_MORE = `(known.resolved_at is not null or excluded.weight > known.weight
                    or excluded.weight = known.weight and excluded.last_seen_at >= known.last_seen_at)`;

/**
 * Stores findings, but for those of clients that are exempt, which it answers. A finding whose client was erased since is
 * not kept, nor is one of before it was settled.
 */
const SAVE = `
  with finding as materialized (
    select * from jsonb_to_recordset($1::jsonb) as f("subjectKind" text, subject text, detector text, reason text,
                                                     evidence jsonb, weight real, "firstSeen" timestamptz, "lastSeen" timestamptz)),
  exempt as materialized (${exemptOf('finding')}),
  saved as (
    insert into ip_tracking.suspicious_ip as known (subject_kind, subject, ip_address, detector, reason, evidence, weight,
           first_seen_at, last_seen_at, flagged_at, updated_at)
    select "subjectKind", subject, case "subjectKind" when 'client' then subject::inet end, detector, reason, evidence, weight,
           "firstSeen", "lastSeen", $2, $2
      from finding
     where "subjectKind" <> 'client'
        or not exists (select from exempt where client = subject)
           and not exists (select from ip_tracking.erased_address
                            where erased_before > finding."lastSeen" and ip_address <<= finding.subject::inet)
    on conflict (subject_kind, subject, detector) do update set
       reason = case when ${SAYS_MORE} then excluded.reason else known.reason end,
       evidence = case when ${SAYS_MORE} then excluded.evidence else known.evidence end,
       weight = case when known.resolved_at is not null then excluded.weight else greatest(excluded.weight, known.weight) end,
       first_seen_at = case when known.resolved_at is not null then excluded.first_seen_at
                            else least(excluded.first_seen_at, known.first_seen_at) end,
       last_seen_at = greatest(excluded.last_seen_at, known.last_seen_at),
       flagged_at = case when known.resolved_at is not null then excluded.flagged_at else known.flagged_at end,
       updated_at = excluded.updated_at, resolved_at = null, resolved_by = null
     where known.resolved_at is null or excluded.first_seen_at > known.resolved_at
    returning ${COLUMNS}, flagged_at = $2 as "isNew")`;

const SAVE_ALONE = `${SAVE} select client, why from exempt`;
/** Beside each other: whom there is nothing stored of has no row of the left, and whoever is not exempt none of the right. */
const SAVE_AND_RETURN = `${SAVE} select * from saved full join exempt on saved.subject = exempt.client`;

/** The only place that reads and writes `ip_tracking.suspicious_ip`. */
export class SuspiciousIpRepository {
  constructor(private readonly manager: Manager) {}

  /**
   * Stores findings; one that is known is updated and keeps the time it was first flagged.
   *
   * @param isReturned which of them are wanted back as they are stored, which takes longer than storing them. @default all
   */
  async save(
    findings: readonly Finding[],
    now: Date,
    isReturned: (finding: Finding) => boolean = () => true,
  ): Promise<SavedFindings> {
    const saved: SavedFindings = { stored: [], exempted: {} };
    // An INSERT may not touch the same row twice.
    const once = strongest(findings);
    for (let from = 0; from < once.length; from += AT_ONCE) {
      const returned: Finding[] = [];
      const others: Finding[] = [];
      for (const finding of once.slice(from, from + AT_ONCE)) {
        (isReturned(finding) ? returned : others).push(finding);
      }
      await this.saveBatch(SAVE_ALONE, others, now, saved);
      await this.saveBatch(SAVE_AND_RETURN, returned, now, saved);
    }
    return saved;
  }

  /** The findings, the latest first, those that somebody has settled at the end. */
  async list(limit: number, now: Date): Promise<ScoredFinding[]> {
    return this.manager.query<ScoredFinding>(
      `select ${COLUMNS}, (select coalesce(sum(other.weight * greatest(0, 1 - extract(epoch from $2::timestamptz - other.last_seen_at)
                                     / ${SCORE_FADES_MS / 1_000})), 0)::float8
                             from ip_tracking.suspicious_ip as other
                            where other.subject_kind = found.subject_kind and other.subject = found.subject
                              and other.resolved_at is null) as score
         from (select * from ip_tracking.suspicious_ip
                order by resolved_at is not null, updated_at desc, subject, detector limit $1) as found
        order by resolved_at is not null, updated_at desc, subject, detector`,
      [limit, now],
    );
  }

  /** Settles findings of a subject: all of them, or one detector's. @returns how many. */
  async resolve(
    { subjectKind, subject, detector }: ResolvedSubject,
    { by, note, now }: { by: string; note: string | null; now: Date },
  ): Promise<number> {
    const rows = await this.manager.query<{ id: number }>(
      `with settled as (
         update ip_tracking.suspicious_ip set resolved_at = $4, resolved_by = $5, note = coalesce($6, note)
          where subject_kind = $1 and subject = $2 and ($3::text is null or detector = $3) and resolved_at is null
         returning id)
       select id from settled`,
      [subjectKind, subject, detector ?? null, now, by, note],
    );
    return rows.length;
  }

  /** Which clients are exempt at present, and why. */
  async exemptionsOf(findings: readonly Finding[]): Promise<Map<string, Exemption>> {
    const rows = await this.manager.query<{ client: string; why: Exemption }>(EXEMPT, [
      JSON.stringify(findings.map(({ subjectKind, subject }) => ({ subjectKind, subject }))),
    ]);
    return new Map(rows.map(({ client, why }) => [client, why]));
  }

  private async saveBatch(
    sql: string,
    findings: readonly Finding[],
    now: Date,
    { stored, exempted }: SavedFindings,
  ): Promise<void> {
    if (findings.length === 0) return;
    const rows = await this.manager.query<Partial<SavedRow>>(sql, [JSON.stringify(findings), now]);
    const exempt = new Map<string, Exemption>();
    for (const { client, why, ...finding } of rows) {
      if (client != null && why != null) exempt.set(client, why);
      if (finding.id != null) stored.push(finding as StoredFinding);
    }
    if (exempt.size === 0) return;
    for (const { subjectKind, subject } of findings) {
      const why = subjectKind === 'client' ? exempt.get(subject) : undefined;
      if (why !== undefined) exempted[why] = (exempted[why] ?? 0) + 1;
    }
  }
}

/** What is answered when findings are stored: one, a client that is exempt, or both. */
interface SavedRow extends StoredFinding {
  client: string | null;
  why: Exemption | null;
}

/** Whose findings are settled. */
export interface ResolvedSubject {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  /** One detector's alone. @default all of them */
  readonly detector?: string;
}
