import type { LogDetector } from '../detector.js';

/** So many requests of each client are read for who it says it is. */
const EXAMPLES = 200;

/** Flags a client with more than `limit` requests in an hour of the clock. */
export function requestVolumeDetector(limit: number): LogDetector {
  return {
    name: 'request-volume',
    of: 'client',
    weight: 5,
    response: 'flag',
    suspects: { counts: {}, atLeast: limit + 1 },
    query: ({ from, to }, { log, counted, isOf, suspects }) => ({
      // When they came is looked up for these alone.
      sql: `select client as subject, times::float8 as requests, seen.first as "firstSeen", seen.last as "lastSeen", example.agents, example.address
              from ${suspects} as suspect,
                   lateral (select min("timestamp") as first, max("timestamp") as last from ${log}
                             where ${counted} and "timestamp" >= $1 and "timestamp" < $2 and ${isOf('client')}) as seen,
                   lateral (select array_agg(distinct left(user_agent, 200)) as agents, min(host(ip_address)) as address
                              from (select user_agent, ip_address from ${log}
                                     where ${counted} and "timestamp" >= $1 and "timestamp" < $2 and ${isOf('client')}
                                     limit ${EXAMPLES}) as one) as example`,
      values: [from, to],
    }),
    judge: (rows) =>
      rows.map((row) => {
        const { subject, requests, firstSeen, lastSeen, agents, address } =
          row as unknown as Counted;
        return {
          subject,
          reason: `${requests} requests within an hour, more than ${limit}`,
          evidence: { requests, limit, firstSeen, lastSeen },
          firstSeen,
          lastSeen,
          address,
          agents: (agents ?? []).filter((agent) => agent !== null),
        };
      }),
  };
}

interface Counted {
  subject: string;
  requests: number;
  firstSeen: Date;
  lastSeen: Date;
  agents: (string | null)[] | null;
  address: string | null;
}
