import type { EntityManager } from 'typeorm';
import type { ClientTraffic, ScanWindow } from './detector.js';

/** Which clients a scan wants: those over a number of requests, those with sensitive ones, or both. */
export interface TrafficFilter {
  requestsOver: number | null;
  anySensitive: boolean;
}

/** Rows that come later than this after their request are judged by the hour they belong to. */
const LATE = `interval '5 minutes'`;

/**
 * The rows that count. A client that a stored block rule refuses must not feed the detection that would block it again:
 * nothing else stays out, a refusal by anything but such a rule included.
 */
const COUNTED = `ip_address is not null and not (outcome = 'blocked' and rule_id is not null)`;

/** The client a row belongs to: an IPv4 address as it is, IPv6 by its /64. */
const CLIENT = `case family(ip_address) when 4 then ip_address else network(set_masklen(ip_address, 64))::inet end`;

/**
 * Rows that reached the table within the window, on time: a row is in exactly one hourly window, however long its batch
 * took. The condition on "timestamp" lets PostgreSQL pass over other days' partitions.
 */
const ON_TIME = `ingested_at >= $1 and ingested_at < $2 and "timestamp" >= $1 - ${LATE}
  and ingested_at - "timestamp" < ${LATE}`;

const BY_REQUEST_TIME = `"timestamp" >= $1 and "timestamp" < $2`;

interface TrafficRow extends Omit<ClientTraffic, 'requests' | 'sensitiveRequests'> {
  requests: string;
  sensitiveRequests: string;
}

/** Reads the request log for detection; everything is counted in the database. */
export class TrafficRepository {
  constructor(private readonly manager: EntityManager) {}

  /** The traffic of the wanted clients among the rows that arrived in the window, on time. */
  arrivedIn(window: ScanWindow, filter: TrafficFilter): Promise<ClientTraffic[]> {
    return this.summarise(ON_TIME, window, filter);
  }

  /** The traffic of the wanted clients whose requests were made in the window. */
  requestedIn(window: ScanWindow, filter: TrafficFilter): Promise<ClientTraffic[]> {
    return this.summarise(BY_REQUEST_TIME, window, filter);
  }

  /** The hours that rows of the window belong to which came late, after an outage for example. */
  async lateHours(window: ScanWindow): Promise<ScanWindow[]> {
    const rows = await this.manager.query<{ from: Date }[]>(
      `select distinct date_trunc('hour', "timestamp", 'UTC') as "from"
         from ip_tracking.request_log
        where ingested_at >= $1 and ingested_at < $2 and ingested_at - "timestamp" >= ${LATE}
        order by 1`,
      [window.from, window.to],
    );
    return rows.map(({ from }) => ({ from, to: new Date(from.getTime() + 3_600_000) }));
  }

  private async summarise(
    condition: string,
    window: ScanWindow,
    filter: TrafficFilter,
  ): Promise<ClientTraffic[]> {
    const rows = await this.manager.query<TrafficRow[]>(
      `with clients as (
         select ${CLIENT} as client, count(*) as requests, count(*) filter (where sensitive) as sensitive_requests,
                min("timestamp") as first_seen, max("timestamp") as last_seen
           from ip_tracking.request_log
          where ${condition} and ${COUNTED}
          group by 1
         having count(*) > $3::bigint or ($4::boolean and bool_or(sensitive))),
       paths as (
         select client, path, count(*) as requests,
                row_number() over (partition by client order by count(*) desc, path) as place
           from (select ${CLIENT} as client, path from ip_tracking.request_log
                  where sensitive and ${condition} and ${COUNTED}) as hit
          group by client, path)
       select client as "ipAddress", clients.requests, sensitive_requests as "sensitiveRequests",
              first_seen as "firstSeen", last_seen as "lastSeen",
              coalesce((select jsonb_agg(jsonb_build_object('path', path, 'requests', paths.requests) order by place)
                          from paths where paths.client = clients.client and place <= 10), '[]') as "sensitivePaths"
         from clients
        order by clients.requests desc, client`,
      [window.from, window.to, filter.requestsOver, filter.anySensitive],
    );
    return rows.map((row) => ({
      ...row,
      requests: Number(row.requests),
      sensitiveRequests: Number(row.sensitiveRequests),
    }));
  }
}
