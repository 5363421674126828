import type { LogQuery, ScanWindow } from '../detector.js';
import { HOUR_TABLE } from './hour-counts.js';
import { CLIENT, COUNTED, isOfClient, LOG } from './log-terms.js';

const HOUR_MS = 3_600_000;
/** Fewer requests within an hour say nothing about where they all come from. */
const LEAST_REQUESTS = 1_000;

/** From where users were seen who came from more than one client within the hour and the one before it. */
export const USERS_TABLE = 'pg_temp.ip_tracking_user';

/** @param areAny whether anybody was signed in within the hour: then it takes a pass over its rows. */
export function copyUsers({ from, to }: ScanWindow, areAny: boolean): LogQuery {
  return {
    sql: `create temporary table ip_tracking_user on commit drop as
          select user_id, client, address, first_seen, last_seen
            from (select *, count(*) over (partition by user_id) as clients
                    from (select user_id, ${CLIENT} as client, min(ip_address) as address,
                                 min("timestamp") as first_seen, max("timestamp") as last_seen
                            from ${LOG} where ${areAny} and "timestamp" >= $1 and "timestamp" < $2 and ${COUNTED}
                             and user_id is not null and ip_address is not null
                           group by 1, 2) as seen) as sighting
           where clients > 1`,
    values: [new Date(from.getTime() - HOUR_MS), to],
  };
}

/** Peers that have lately forwarded for others without being trusted, and brought more than half of an hour's requests. */
export function countForwarders({ from, to }: ScanWindow): LogQuery {
  return {
    sql: `with whole as (select coalesce(sum(requests * clients), 0) as requests from ${HOUR_TABLE} where client is null)
          select host(peer.network) as address from ip_tracking.protected_network as peer, whole
           where peer.kind = 'forwarding peer' and peer.announced_at > now() - interval '1 day'
             and whole.requests >= ${LEAST_REQUESTS}
             and 2 * (select count(*) from ${LOG} where ${COUNTED} and "timestamp" >= $1 and "timestamp" < $2
                         and ${isOfClient('peer.network::inet')}) > whole.requests`,
    values: [from, to],
  };
}
