import type { EntityManager } from 'typeorm';
import type { Judgement } from './detector.js';
import type { SuspiciousIp } from './suspicious-ip.entity.js';

/** A judgement about one client, as it is stored. */
export interface Finding extends Judgement {
  ipAddress: string;
  detector: string;
}

/** A stored finding, and whether this was its first time. */
export interface StoredFinding extends SuspiciousIp {
  isNew: boolean;
}

const COLUMNS = `id, ip_address as "ipAddress", detector, reason, evidence, flagged_at as "flaggedAt",
  last_seen_at as "lastSeenAt"`;

/** The only place that reads and writes `ip_tracking.suspicious_ip`. */
export class SuspiciousIpRepository {
  constructor(private readonly manager: Pick<EntityManager, 'query'>) {}

  /** Stores findings; one that is known is updated and keeps the time it was first flagged. */
  async save(findings: readonly Finding[], flaggedAt: Date): Promise<StoredFinding[]> {
    if (findings.length === 0) return [];
    return this.manager.query<StoredFinding[]>(
      `insert into ip_tracking.suspicious_ip (ip_address, detector, reason, evidence, flagged_at, last_seen_at)
       select "ipAddress"::inet, detector, reason, evidence, $2, $2
         from jsonb_to_recordset($1::jsonb) as f("ipAddress" text, detector text, reason text, evidence jsonb)
       on conflict (ip_address, detector) do update
          set reason = excluded.reason, evidence = excluded.evidence, last_seen_at = excluded.last_seen_at
       returning ${COLUMNS}, xmax = 0 as "isNew"`,
      [JSON.stringify(findings), flaggedAt],
    );
  }

  /** The findings, the latest first. */
  async list(limit: number): Promise<SuspiciousIp[]> {
    return this.manager.query<SuspiciousIp[]>(
      `select ${COLUMNS} from ip_tracking.suspicious_ip order by last_seen_at desc, ip_address, detector limit $1`,
      [limit],
    );
  }
}
