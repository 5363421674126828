import type { LogDetector } from '../detector.js';
import { countOf } from './words.js';

/** The part of a sighting's address that tells networks apart: providers give a phone another /24 every few minutes. */
export const NETWORK = `set_masklen(address, case family(address) when 4 then 16 else 32 end)::cidr`;

/** Flags a user who was seen from many networks within an hour: a stolen session, or an account that is shared. */
export function manyNetworksDetector(atLeast = 5): LogDetector {
  return {
    name: 'many-networks',
    of: 'user',
    weight: 20,
    response: 'flag',
    query: ({ from }, { users }) => ({
      sql: `select user_id as subject, count(distinct ${NETWORK})::float8 as networks,
                   min(first_seen) as "firstSeen", max(last_seen) as "lastSeen",
                   (array_agg(distinct client))[1:100] as clients
              from ${users} as sighting where last_seen >= $1
             group by 1 having count(distinct ${NETWORK}) >= $2::integer`,
      values: [from, atLeast],
    }),
    judge: (rows) =>
      rows.map((row) => {
        const { subject, networks, clients, firstSeen, lastSeen } = row as unknown as Seen;
        return {
          subject,
          reason: `seen from ${countOf(networks, 'network')} within an hour`,
          evidence: { networks, clients, firstSeen, lastSeen },
          firstSeen,
          lastSeen,
        };
      }),
  };
}

interface Seen {
  subject: string;
  networks: number;
  clients: string[];
  firstSeen: Date;
  lastSeen: Date;
}
