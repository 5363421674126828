import type { LogDetector } from '../detector.js';
import { countOf } from './words.js';

/** Flags a client from which sign-ins of many users fail: stolen or guessed credentials are tried one after the other. */
export function manyUsersDetector(atLeast = 10): LogDetector {
  return {
    name: 'many-users',
    of: 'client',
    weight: 20,
    response: 'flag',
    evidence: ['auth-failure'],
    query: (_, { evidence, client }) => ({
      sql: `select ${client} as subject, count(distinct coalesce(attempted_user, user_id))::float8 as users,
                   count(*)::float8 as failures, min("timestamp") as "firstSeen", max("timestamp") as "lastSeen",
                   (array_agg(distinct path))[1:10] as paths, (array_agg(distinct left(user_agent, 200)))[1:5] as agents,
                   min(host(ip_address)) as address
              from ${evidence} as failure
             where coalesce(attempted_user, user_id) is not null and ip_address is not null
             group by 1 having count(distinct coalesce(attempted_user, user_id)) >= $1::integer`,
      values: [atLeast],
    }),
    judge: (rows) =>
      rows.map((row) => {
        const { subject, users, failures, firstSeen, lastSeen, paths, agents, address } =
          row as unknown as Tried;
        const known = agents.filter((agent) => agent !== null);
        return {
          subject,
          reason: `sign-ins of ${countOf(users, 'user')} failed within an hour, ${countOf(failures, 'time')} in all`,
          evidence: { users, failures, paths, agents: known, firstSeen, lastSeen },
          firstSeen,
          lastSeen,
          address,
          agents: known,
        };
      }),
  };
}

interface Tried {
  subject: string;
  users: number;
  failures: number;
  firstSeen: Date;
  lastSeen: Date;
  paths: string[];
  agents: (string | null)[];
  address: string | null;
}
