import type { LogDetector } from '../detector.js';

/** Flags a client with more than `limit` requests in an hour of the clock. */
export function requestVolumeDetector(limit: number): LogDetector {
  return {
    name: 'request-volume',
    of: 'client',
    weight: 5,
    response: 'flag',
    query: ({ from, to }, { log, counted, client }) => ({
      sql: `select ${client} as subject, count(*)::float8 as requests,
                   min("timestamp") as "firstSeen", max("timestamp") as "lastSeen"
              from ${log}
             where "timestamp" >= $1 and "timestamp" < $2 and ${counted} and ip_address is not null
             group by 1 having count(*) > $3::bigint`,
      values: [from, to, limit],
    }),
    judge: (rows) =>
      rows.map((row) => {
        const { subject, requests, firstSeen, lastSeen } = row as unknown as Counted;
        return {
          subject,
          reason: `${requests} requests within an hour, more than ${limit}`,
          evidence: { requests, limit, firstSeen, lastSeen },
          firstSeen,
          lastSeen,
        };
      }),
  };
}

interface Counted {
  subject: string;
  requests: number;
  firstSeen: Date;
  lastSeen: Date;
}
