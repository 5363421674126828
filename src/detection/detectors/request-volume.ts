import type { LogDetector } from '../detector.js';

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
      sql: `select client as subject, times::float8 as requests, seen.first as "firstSeen", seen.last as "lastSeen"
              from ${suspects} as suspect,
                   lateral (select min("timestamp") as first, max("timestamp") as last from ${log}
                             where ${counted} and "timestamp" >= $1 and "timestamp" < $2 and ${isOf('client')}) as seen`,
      values: [from, to],
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
