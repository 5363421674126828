import type { LogDetector } from '../detector.js';

/** Flags a client that hit a sensitive path: one that is listed, or a route that is `@Sensitive()`. */
export function sensitivePathDetector(): LogDetector {
  return {
    name: 'sensitive-path',
    of: 'client',
    weight: 5,
    response: 'flag',
    suspects: { counts: { isSensitive: true }, atLeast: 1, requests: { isSensitive: true } },
    query: (_, { requests, client }) => ({
      sql: `select subject, sum(requests)::float8 as requests, min(first_seen) as "firstSeen", max(last_seen) as "lastSeen",
                   jsonb_agg(jsonb_build_object('path', path, 'requests', requests) order by place)
                     filter (where place <= 10) as paths,
                   array_agg(distinct agent) filter (where place <= 50 and agent is not null) as agents, min(address) as address
              from (select *, row_number() over (partition by subject order by requests desc, path) as place
                      from (select ${client} as subject, path, count(*) as requests, min(left(user_agent, 200)) as agent, min(host(ip_address)) as address,
                                   min("timestamp") as first_seen, max("timestamp") as last_seen
                              from ${requests} as request
                             group by 1, 2) as hit) as placed
             group by subject`,
      values: [],
    }),
    judge: (rows) =>
      rows.map((row) => {
        const { subject, requests, paths, firstSeen, lastSeen, address, agents } =
          row as unknown as Hit;
        const [first, ...others] = paths;
        const which =
          first === undefined
            ? ''
            : `: ${first.path}${others.length > 0 ? ` and ${others.length} more` : ''}`;
        return {
          subject,
          reason: `${requests} ${requests === 1 ? 'request' : 'requests'} to sensitive paths${which}`,
          evidence: { requests, paths, firstSeen, lastSeen },
          firstSeen,
          lastSeen,
          address,
          agents: agents ?? [],
        };
      }),
  };
}

interface Hit {
  subject: string;
  requests: number;
  paths: { path: string; requests: number }[];
  firstSeen: Date;
  lastSeen: Date;
  address: string | null;
  agents: string[] | null;
}
