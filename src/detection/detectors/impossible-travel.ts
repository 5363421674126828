import { distanceKm } from '../../geo/coordinates.js';
import { parseIp } from '../../net/ip-address.js';
import { PrefixSet } from '../../net/prefix-set.js';
import {
  CLOUDFLARE_RANGES,
  FASTLY_RANGES,
  GOOGLE_FRONT_END_RANGES,
} from '../../net/provider-ranges.js';
import type { LogDetector, LogFacts, LogFinding } from '../detector.js';
import { NETWORK } from './many-networks.js';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
/** Faster than airliners, their ways to and from the airport left out. */
const FASTEST_KM_PER_HOUR = 1_000;
/** Nearer than this, after what may be wrong about both places, it is the data that has moved. */
const LEAST_KM = 500;
/** Of users who were seen from very many addresses so many sightings are looked at. */
const MAX_SIGHTINGS = 50;

const relays = PrefixSet.from(
  [CLOUDFLARE_RANGES, FASTLY_RANGES, GOOGLE_FRONT_END_RANGES].flatMap(({ prefixes }) =>
    prefixes.map((prefix) => [prefix, 1] as const),
  ),
);

/**
 * Flags a user who was at two places between which nobody travels so fast. It is never more than a flag: people use VPNs
 * and relays. Networks from both of which the user has come before say nothing.
 */
export function impossibleTravelDetector(): LogDetector {
  return {
    name: 'impossible-travel',
    of: 'user',
    weight: 15,
    response: 'flag',
    query: ({ from }, { users, log, counted, isOf }) => ({
      sql: `select user_id as subject,
                   (array_agg(jsonb_build_object('address', host(address), 'network', network::text, 'isKnown', is_known,
                      'firstMs', extract(epoch from first_seen) * 1000, 'lastMs', extract(epoch from last_seen) * 1000)
                      order by first_seen))[1:${MAX_SIGHTINGS}] as sightings
              from (select sighting.*, ${NETWORK} as network,
                           exists (select from ${log} where ${counted} and ${isOf('sighting.client')}
                                      and "timestamp" >= $2 and "timestamp" < $3 and user_id = sighting.user_id) as is_known
                      from ${users} as sighting) as seen
             group by 1 having max(last_seen) >= $1 and count(distinct network) > 1`,
      values: [from, new Date(from.getTime() - WEEK_MS), new Date(from.getTime() - HOUR_MS)],
    }),
    judge: (rows, { from }, facts) =>
      rows.flatMap((row) => {
        const { subject, sightings } = row as unknown as Seen;
        const journey = fastestJourney(sightings, from.getTime(), facts);
        return journey === null ? [] : [findingOf(subject, journey)];
      }),
  };
}

interface Sighting {
  address: string;
  network: string;
  isKnown: boolean;
  firstMs: number;
  lastMs: number;
}

interface Seen {
  subject: string;
  sightings: Sighting[];
}

interface Journey {
  from: Sighting;
  to: Sighting;
  km: number;
  hours: number;
}

/** The fastest of the journeys from each sighting to the next that ended within the hour and that nobody makes. */
function fastestJourney(
  sightings: readonly Sighting[],
  hourMs: number,
  { coordinatesOf }: LogFacts,
): Journey | null {
  let fastest: Journey | null = null;
  for (const [at, to] of sightings.entries()) {
    const from = sightings[at - 1];
    if (from === undefined || to.lastMs < hourMs) continue;
    if (from.network === to.network || (from.isKnown && to.isKnown)) continue;
    if (isRelay(from.address) || isRelay(to.address)) continue;
    const [one, other] = [coordinatesOf(from.address), coordinatesOf(to.address)];
    if (one === null || other === null) continue;
    const km = distanceKm(one, other);
    // Who is at both places at once is as fast as a second makes them.
    const hours = Math.max(1_000, to.firstMs - from.lastMs) / HOUR_MS;
    if (km <= LEAST_KM || km / hours <= FASTEST_KM_PER_HOUR) continue;
    if (fastest === null || km / hours > fastest.km / fastest.hours)
      fastest = { from, to, km, hours };
  }
  return fastest;
}

function isRelay(address: string): boolean {
  const ip = parseIp(address);
  return ip !== null && relays.has(ip);
}

function findingOf(subject: string, { from, to, km, hours }: Journey): LogFinding {
  const minutes = Math.round(hours * 60);
  const firstSeen = new Date(from.firstMs);
  const lastSeen = new Date(to.lastMs);
  return {
    subject,
    reason: `seen at places at least ${Math.round(km).toLocaleString('en')} km apart within ${minutes < 1 ? 'a minute' : `${minutes} minutes`}`,
    evidence: {
      clients: [from.address, to.address],
      km: Math.round(km),
      minutes,
      firstSeen,
      lastSeen,
    },
    firstSeen,
    lastSeen,
  };
}
