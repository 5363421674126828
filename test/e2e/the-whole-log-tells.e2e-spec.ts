import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { DetectionService } from '../../src/detection/detection.service.js';
import { tunedDetectors } from '../../src/detection/tuned-detectors.js';
import type { GeoCoordinates } from '../../src/index.js';
import { logger } from '../../src/provide.js';
import { bitsOf } from '../../src/signals/signal.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Any hour that is over. */
const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;

const PLACES: Record<string, GeoCoordinates> = {
  '198.18.0.1': { latitude: 52.52, longitude: 13.405, accuracyKm: 20 },
  '198.19.0.1': { latitude: -33.869, longitude: 151.209, accuracyKm: 20 },
  '198.18.7.7': { latitude: -33.869, longitude: 151.209, accuracyKm: 20 },
  // Munich, and nowhere in particular in Germany.
  '203.0.113.1': { latitude: 48.137, longitude: 11.575, accuracyKm: 20 },
  '203.0.113.2': { latitude: -33.869, longitude: 151.209, accuracyKm: 16_000 },
  // One of Cloudflare's.
  '104.16.0.1': { latitude: -33.869, longitude: 151.209, accuracyKm: 20 },
};

let database: TestDatabase;
let connection: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  connection = new Database(createDataSource({ url: database.url }, []), true);
});
afterAll(async () => {
  await connection.close();
  await database.close();
});
beforeEach(() =>
  database.query(
    'truncate ip_tracking.request_log, ip_tracking.suspicious_ip, ip_tracking.request_rollup, ip_tracking.protected_network',
  ),
);
afterEach(() => vi.restoreAllMocks());

interface Row {
  ip: string;
  /** From the hour's first on, in milliseconds. */
  at?: number;
  user?: string;
  failed?: string;
  count?: number;
}

async function log(...rows: Row[]): Promise<void> {
  await database.query(
    `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome,
            duration_us, user_id, attempted_user, signals)
     select gen_random_uuid(), to_timestamp(($2::bigint + coalesce(at, 0)) / 1000.0) + n * interval '1 millisecond', ip, 'socket',
            'GET', '/', 200, 'served', 0, "user", failed, case when failed is null then 0 else $3::bigint end
       from jsonb_to_recordset($1::jsonb) as r(ip inet, at bigint, "user" text, failed text, count integer),
            generate_series(1, coalesce(count, 1)) as n`,
    [JSON.stringify(rows), hour, bitsOf(['auth-failure'])],
  );
}

async function found(name: string): Promise<{ subject: string; reason: string }[]> {
  const detectors = tunedDetectors({ requestsPerHour: 100_000, tuning: {}, detectors: [] });
  const service = new DetectionService({
    database: connection,
    detectors,
    claims: null,
    facts: { coordinatesOf: (address) => PLACES[address] ?? null },
    retentionDays: 30,
    now: () => hour + HOUR_MS,
  });
  const { findings } = await service.scan();
  return findings
    .filter(({ detector }) => detector === name)
    .map(({ subject, reason }) => ({ subject, reason }));
}

describe('unusual-volume', () => {
  const crowd = (clients: number): Row[] =>
    Array.from({ length: clients }, (_, at) => ({
      ip: `10.1.${at >> 8}.${at & 255}`,
      count: 1 + (at % 4),
    }));
  const days = async (count: number): Promise<void> => {
    await database.query(
      `insert into ip_tracking.request_rollup (hour, outcome, sensitive, requests, addresses)
       select to_timestamp($1::bigint / 1000.0) - n * interval '1 day', 'served', false, 500, 200 from generate_series(1, $2::integer) as n`,
      [hour, count],
    );
  };

  it('is of who has sent far more than the others of the hour', async () => {
    await days(5);
    await log(...crowd(250), { ip: '203.0.113.1', count: 400 }, { ip: '203.0.113.2', count: 90 });
    expect(await found('unusual-volume')).toEqual([
      {
        subject: '203.0.113.1',
        reason: '400 requests within an hour, where half of 252 clients sent no more than 2',
      },
    ]);
  });

  it('is silent where there are too few clients, or too few such hours, to tell', async () => {
    await days(4);
    await log(...crowd(250), { ip: '203.0.113.1', count: 400 });
    expect(await found('unusual-volume')).toEqual([]);
    await database.query('truncate ip_tracking.request_log');
    await days(0);
    await database.query('truncate ip_tracking.request_rollup');
    await days(9);
    await log(...crowd(150), { ip: '203.0.113.1', count: 400 });
    expect(await found('unusual-volume')).toEqual([]);
  });
});

describe('impossible-travel', () => {
  const travel = async (one: string, other: string, minutes = 30): Promise<string[]> => {
    await log(
      { ip: one, user: 'ada', at: 5 * MINUTE_MS },
      { ip: other, user: 'ada', at: (5 + minutes) * MINUTE_MS },
      { ip: one, user: 'bob', at: 6 * MINUTE_MS },
    );
    return (await found('impossible-travel')).map(({ subject, reason }) => `${subject}: ${reason}`);
  };

  it('is of a user who was at two places', async () => {
    expect(await travel('198.18.0.1', '198.19.0.1')).toEqual([
      'ada: seen at places at least 16,054 km apart within 30 minutes',
    ]);
  });

  it('looks an hour back', async () => {
    expect(await travel('198.18.0.1', '198.19.0.1', 50)).toHaveLength(1);
    await database.query(`truncate ip_tracking.request_log, ip_tracking.suspicious_ip`);
    await log(
      { ip: '198.18.0.1', user: 'ada', at: -50 * MINUTE_MS },
      { ip: '198.19.0.1', user: 'ada', at: 5 * MINUTE_MS },
    );
    expect(await found('impossible-travel')).toHaveLength(1);
  });

  it.each([
    ['from one network', '198.18.0.1', '198.18.7.7'],
    ['less than 500 km apart', '198.18.0.1', '203.0.113.1'],
    ['where the data may be wrong by as much', '198.18.0.1', '203.0.113.2'],
    ["by a provider's address", '198.18.0.1', '104.16.0.1'],
    ['of which one is not known', '198.18.0.1', '192.0.2.9'],
  ])('is nothing %s', async (_, one, other) => {
    expect(await travel(one, other)).toEqual([]);
  });

  it('is nothing between networks that the user has come from before', async () => {
    await log(
      { ip: '198.18.0.1', user: 'ada', at: -2 * DAY_MS },
      { ip: '198.19.0.1', user: 'ada', at: -3 * DAY_MS },
    );
    expect(await travel('198.18.0.1', '198.19.0.1')).toEqual([]);
  });
});

it('many-users is of an address from which the sign-ins of ten users fail', async () => {
  const tries = (ip: string, users: number): Row[] =>
    Array.from({ length: users }, (_, at) => ({ ip, failed: `user-${at}`, count: 2 }));
  await log(...tries('203.0.113.1', 10), ...tries('203.0.113.2', 9));
  expect(await found('many-users')).toEqual([
    {
      subject: '203.0.113.1',
      reason: 'sign-ins of 10 users failed within an hour, 20 times in all',
    },
  ]);
});

it('many-networks is of a user who comes from five networks', async () => {
  const from = (user: string, networks: number): Row[] =>
    Array.from({ length: networks }, (_, at) => ({ ip: `10.${at}.0.1`, user }));
  await log(...from('ada', 5), ...from('bob', 4));
  await log(...Array.from({ length: 9 }, (_, at) => ({ ip: `10.9.${at}.1`, user: 'eve' })));
  expect(await found('many-networks')).toEqual([
    { subject: 'ada', reason: 'seen from 5 networks within an hour' },
  ]);
});

describe('a forwarding peer that brings most requests', () => {
  const burst = async (peer: string, count: number): Promise<void> => {
    await database.query(
      `insert into ip_tracking.protected_network (network, kind) values ($1, 'forwarding peer')`,
      [peer],
    );
    await log({ ip: peer, count }, { ip: '203.0.113.1', count: 400 });
  };

  it("is taken for a proxy that is not trusted: it is said, and nothing is found about it alone (the CDN's address was counted)", async () => {
    const said = vi.spyOn(logger, 'warn').mockReturnValue(undefined);
    await burst('10.0.0.7', 700);
    expect((await found('burst')).map(({ subject }) => subject)).toEqual(['203.0.113.1']);
    expect(said).toHaveBeenCalledWith(
      expect.stringContaining('came by 10.0.0.7, which forwards for others and is not trusted'),
    );
  });

  it.each([
    [
      'is from elsewhere, as a flooder that sends such headers',
      '198.51.100.7',
      700,
      ['198.51.100.7', '203.0.113.1'],
    ],
    ['brings no more than half', '10.0.0.7', 399, ['10.0.0.7', '203.0.113.1']],
  ])('is a client like any where it %s', async (_, peer, count, expected) => {
    const said = vi.spyOn(logger, 'warn').mockReturnValue(undefined);
    await burst(peer, count);
    await log(
      { ip: '203.0.113.99', count: 100, at: MINUTE_MS },
      { ip: '203.0.113.98', count: 101, at: MINUTE_MS },
    );
    const subjects = (await found('burst')).map(({ subject }) => subject);
    expect(subjects).toEqual(expect.arrayContaining(expected));
    expect(said).not.toHaveBeenCalled();
  });
});
