import type { LogDetector } from '../detector.js';
import { countOf } from './words.js';

/** So many times the usual spread is too far away to be chance. */
const SPREADS = 6;
/** Where nearly all send the same, each one more would be far from usual: in doublings. */
const LEAST_SPREAD = 0.5;
/** Fewer clients, or fewer such hours of before, say too little about what is usual. */
const LEAST_CLIENTS = 200;
const LEAST_HOURS = 5;
const USUAL_DAYS = 14;

/**
 * Flags a client that has sent far more than others of the same hour, where there are enough of them to tell: so many
 * doublings over the median.
 *
 * @param atLeast so many requests it takes at least.
 */
export function unusualVolumeDetector(atLeast = 100): LogDetector {
  return {
    name: 'unusual-volume',
    of: 'client',
    weight: 10,
    response: 'flag',
    suspects: { counts: {}, atLeast },
    query: ({ from, to }, { suspects, population, log, counted, isOf }) => ({
      sql: `with doublings as (select log(2, requests::numeric)::float8 as value, clients, requests from ${population} as sent),
              medians as (
                select min(value) as median from (
                  select value, sum(clients) over (order by value) as upto, sum(clients) over () as total from doublings) as ordered
                 where upto * 2 >= total),
              spreads as (
                select min(value) as spread from (
                  select value, sum(clients) over (order by value) as upto, sum(clients) over () as total
                    from (select abs(value - median) as value, clients from doublings, medians) as away) as ordered
                 where upto * 2 >= total),
              usual as (
                select array(select sum(requests)::float8 from ip_tracking.request_rollup
                              where hour >= $1::timestamptz - interval '${USUAL_DAYS} days' and hour < $1
                                and extract(hour from hour at time zone 'UTC') = extract(hour from $1::timestamptz at time zone 'UTC')
                              group by hour) as hours),
              whole as (select sum(clients)::float8 as clients, sum(clients * requests)::float8 as total from doublings)
              select client as subject, times::float8 as requests, whole.clients, whole.total, median, spread, usual.hours,
                     seen.first as "firstSeen", seen.last as "lastSeen", example.agents, example.address
                from ${suspects} as suspect, medians, spreads, usual, whole,
                     lateral (select min("timestamp") as first, max("timestamp") as last from ${log}
                               where ${counted} and "timestamp" >= $1 and "timestamp" < $2 and ${isOf('client')}) as seen,
                     lateral (select array_agg(distinct left(user_agent, 200)) as agents, min(host(ip_address)) as address
                                from (select user_agent, ip_address from ${log} where ${counted} and "timestamp" >= $1
                                         and "timestamp" < $2 and ${isOf('client')} limit 200) as one) as example
               where whole.clients >= ${LEAST_CLIENTS} and cardinality(usual.hours) >= ${LEAST_HOURS}
                 and log(2, times::numeric)::float8 > median + ${SPREADS} * greatest(spread, ${LEAST_SPREAD})`,
      values: [from, to],
    }),
    judge: (rows) =>
      rows.flatMap((row) => {
        const sent = row as unknown as Sent;
        if (sent.clients < LEAST_CLIENTS || sent.hours.length < LEAST_HOURS) return [];
        const limit = 2 ** (sent.median + SPREADS * Math.max(LEAST_SPREAD, sent.spread));
        if (sent.requests < atLeast || sent.requests <= limit) return [];
        const { subject, requests, clients, total, firstSeen, lastSeen, address } = sent;
        const siteUsual = medianOf(sent.hours);
        const agents = (sent.agents ?? []).filter((agent) => agent !== null);
        return [
          {
            subject,
            reason: `${countOf(requests, 'request')} within an hour, where half of ${countOf(clients, 'client')} sent no more than ${Math.round(2 ** sent.median)}`,
            evidence: {
              requests,
              limit: Math.round(limit),
              median: Math.round(2 ** sent.median),
              clients,
              siteRequests: total,
              siteUsual,
              isSiteOverUsual: total > siteUsual,
              agents: agents.slice(0, 5),
              firstSeen,
              lastSeen,
            },
            firstSeen,
            lastSeen,
            address,
            agents,
          },
        ];
      }),
  };
}

interface Sent {
  subject: string;
  requests: number;
  clients: number;
  /** All requests of the hour. */
  total: number;
  /** In doublings: of 1 request 0, of 8 requests 3. */
  median: number;
  spread: number;
  /** What the site had in the same hour of the days before. */
  hours: number[];
  firstSeen: Date;
  lastSeen: Date;
  agents: (string | null)[] | null;
  address: string | null;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? 0;
}
