import type { Detector, LogDetector } from '../detector.js';
import { countOf, firstOf } from './words.js';

/** What a page has loaded before somebody signs in may be this much older than the hour, in milliseconds. */
const BEFORE_MS = 600_000;
/** A success by nobody knows whom explains so many failures before it. */
const EXPLAINED_BY_SUCCESS = 3;

/** Flags a client that hands in credentials and does nothing else: no style, script or image, and no success. */
export function loginOnlyDetector(atLeast = 2): LogDetector {
  return {
    name: 'login-only',
    of: 'client',
    weight: 20,
    response: 'flag',
    suspects: {
      counts: { any: ['login'] },
      atLeast,
      by: 'end',
      requests: {},
      beforeMs: BEFORE_MS,
    },
    query: ({ from }, { requests, client, endedAt, shows }) => ({
      sql: `with known as (
              select ${client} as subject, ${endedAt} as at, path, attempted_user as attempted, user_agent, ip_address,
                     ${shows('login')} as is_login, ${shows('asset')} as is_asset, ${shows('auth-success')} as is_success
                from ${requests} as request where signals is not null),
              told as (
                select *, bool_or(is_asset) over of_subject as has_assets,
                       count(*) filter (where is_success and attempted is null) over of_subject as unnamed_successes,
                       max(at) filter (where is_success) over (partition by subject, attempted) as success
                  from known window of_subject as (partition by subject))
              select subject, count(*)::float8 as attempts,
                     count(*) filter (where attempted is not null and (success is null or success < at))::float8 as named,
                     count(*) filter (where attempted is null)::float8 as unnamed,
                     max(unnamed_successes)::float8 as successes,
                     min(at) as "firstSeen", max(at) as "lastSeen", (array_agg(distinct path))[1:10] as paths,
                     (array_agg(distinct left(user_agent, 200)))[1:5] as agents, min(host(ip_address)) as address
                from told
               where is_login and not is_success and at >= $1 and not has_assets
               group by subject having count(*) >= $2::integer`,
      values: [from, atLeast],
    }),
    judge: (rows) =>
      rows.flatMap((row) => {
        const tried = row as unknown as Tried;
        const explained = EXPLAINED_BY_SUCCESS * tried.successes;
        const count = tried.named + Math.max(0, tried.unnamed - explained);
        if (count < atLeast) return [];
        const { subject, paths, agents, address, firstSeen, lastSeen } = tried;
        return [
          {
            subject,
            reason: `${countOf(count, 'login')} without success, and nothing else loaded${firstOf(paths)}`,
            evidence: { count, attempts: tried.attempts, paths, agents, firstSeen, lastSeen },
            firstSeen,
            lastSeen,
            address,
            agents: agents.filter((agent) => agent !== null),
          },
        ];
      }),
  };
}

/**
 * The same for whoever sees requests as they come and knows nothing of users, as from an access log: there whatever was
 * loaded, and any success, takes all back.
 */
export function loginOnlyAsItComes(atLeast = 2): Detector {
  return {
    name: 'login-only',
    of: 'client',
    weight: 20,
    response: 'flag',
    rules: [
      {
        counts: { any: ['login'], none: ['auth-success'] },
        atLeast,
        windowMs: 3_600_000,
        without: { any: ['asset', 'auth-success'], of: 'subject', withinMs: BEFORE_MS },
      },
    ],
    words: ({ count, paths }) => ({
      reason: `${countOf(count, 'login')} without success, and nothing else loaded${firstOf(paths)}`,
    }),
  };
}

interface Tried {
  subject: string;
  attempts: number;
  named: number;
  unnamed: number;
  successes: number;
  paths: string[];
  agents: (string | null)[];
  address: string | null;
  firstSeen: Date;
  lastSeen: Date;
}
