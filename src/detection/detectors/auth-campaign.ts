import type { LogDetector } from '../detector.js';

const HOUR_MS = 3_600_000;
/** What is usual of a route is what it was in the hours of this time. */
const USUAL_HOURS = 7 * 24;
/** So many times the usual spread is too far away to be chance. */
const SPREADS = 6;
/** One client alone is no campaign: it is found by itself. */
const LEAST_CLIENTS = 3;

/**
 * Flags a route at which far more credentials are refused than usual, from many clients of which each does little: one
 * finding that lists them.
 */
export function authCampaignDetector(atLeast = 20): LogDetector {
  return {
    name: 'auth-campaign',
    of: 'route',
    weight: 40,
    response: 'flag',
    evidence: ['auth-failure'],
    query: ({ from }, { log, counted, client, evidence, shows }) => {
      return {
        sql: `with present as (
                select coalesce(route, path) as subject, count(*) as failures, count(distinct ${client}) as addresses,
                       min("timestamp") as first_seen, max("timestamp") as last_seen,
                       (array_agg(distinct ${client}))[1:100] as clients
                  from ${evidence} as failure where coalesce(route, path) is not null
                 group by 1 having count(*) >= $3::integer and count(distinct ${client}) >= ${LEAST_CLIENTS}),
              past as (
                select coalesce(route, path) as subject, floor(extract(epoch from $1 - "timestamp") / 3600) as hour,
                       count(*) as failures
                  from ${log} where "timestamp" >= $2 and "timestamp" < $1 and ${counted} and ${shows('auth-failure')}
                   and coalesce(route, path) in (select subject from present)
                 group by 1, 2)
              select subject, failures::float8 as failures, addresses::float8 as addresses, clients,
                     first_seen as "firstSeen", last_seen as "lastSeen",
                     array(select past.failures::float8 from past where past.subject = present.subject) as hours
                from present`,
        values: [from, new Date(from.getTime() - USUAL_HOURS * HOUR_MS), atLeast],
      };
    },
    judge: (rows) =>
      rows.flatMap((row) => {
        const present = row as unknown as Present;
        const usual = usualOf(present.hours);
        if (present.failures <= usual.limit) return [];
        const { subject, failures, addresses, clients, firstSeen, lastSeen } = present;
        return [
          {
            subject,
            reason: `${failures} refused sign-ins within an hour from ${addresses} clients; usual are ${usual.median}`,
            evidence: { failures, addresses, clients, ...usual, firstSeen, lastSeen },
            firstSeen,
            lastSeen,
          },
        ];
      }),
  };
}

interface Present {
  subject: string;
  failures: number;
  addresses: number;
  clients: string[];
  hours: number[];
  firstSeen: Date;
  lastSeen: Date;
}

/** The median of the hours, those without any failure included, and how far from it is too far. */
function usualOf(hours: readonly number[]): { median: number; limit: number } {
  const all = [...hours, ...Array.from({ length: USUAL_HOURS - hours.length }, () => 0)];
  const median = medianOf(all);
  const spread = medianOf(all.map((value) => Math.abs(value - median)));
  return { median, limit: median + SPREADS * Math.max(1, spread) };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
