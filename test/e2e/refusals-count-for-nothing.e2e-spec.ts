import { describe, expect, it } from 'vitest';
import {
  DetectionService,
  IpTrackingEvents,
  RequestLogService,
  type IpTrackingOptions,
} from '../../src/index.js';
import { auditOf, banningHostOfTest, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';
import type { TestDatabase } from '../support/postgres.js';
import { SetClock } from '../support/set-clock.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const ATTACKER = '203.0.113.7';
/** What would be found many times over, were it looked at. */
const ATTACKS = ['/.env', '/wp-login.php', '/?file=../../../../etc/passwd', '/a%00'];

describe.each(ADAPTERS)('what is refused on %s', (adapter) => {
  const started = (
    options: Partial<IpTrackingOptions> = {},
    clock = new SetClock(),
    database?: TestDatabase,
  ): Promise<Host> => banningHostOfTest(adapter, options, { clock, ...(database && { database }) });
  const statusOf = async (host: Host, path = '/', method = 'GET'): Promise<number> =>
    (await host.send({ path, method, from: ATTACKER, headers: { 'user-agent': 'curl/8' } })).status;
  /** Seventy attacks and twenty-five paths that are nowhere, within a second or so. */
  const storm = (host: Host, attacks = ATTACKS): Promise<number[]> =>
    Promise.all([
      ...Array.from({ length: 70 }, (_, at) => statusOf(host, attacks[at % attacks.length])),
      ...Array.from({ length: 25 }, (_, at) => statusOf(host, `/nothing-${at}`)),
      ...Array.from({ length: 25 }, () => statusOf(host, '/login', 'POST')),
    ]);
  const findingsOf = async (host: Host) =>
    (await host.app.get(DetectionService).findings()).filter(({ subject }) => subject === ATTACKER);
  /** Once nothing is on its way any more: another client's finding has been stored since. */
  const settled = async (host: Host, marker: string): Promise<void> => {
    await host.send({ path: '/old.php', from: marker });
    await eventually(
      async () =>
        (await host.app.get(DetectionService).findings()).some(({ subject }) => subject === marker),
      { what: 'the marker' },
    );
  };
  /** What the ban is, and rests on. */
  const stateOf = async (host: Host) => {
    const { id, expiresAt, reason, banId } = await storedBan(host, ATTACKER);
    const findings = (await findingsOf(host)).map(({ detector, evidence, lastSeenAt }) => ({
      detector,
      count: evidence['count'],
      lastSeenAt,
    }));
    return { id, expiresAt, reason, banId, findings, audit: await auditOf(host, ATTACKER) };
  };

  it('by a ban is nothing for the scans of the hours on both sides of a boundary', async () => {
    const clock = new SetClock();
    // Half a minute before the end of an hour.
    clock.wrongByMs = HOUR_MS - (Date.now() % HOUR_MS) - MINUTE_MS / 2;
    const endMs = Math.ceil(clock.now() / HOUR_MS) * HOUR_MS;
    const host = await started({ detection: { requestsPerHour: 50 } }, clock);
    expect(await statusOf(host, '/.env')).toBe(404);
    await storedBan(host, ATTACKER);
    const before = await stateOf(host);
    expect(before.findings).toMatchObject([{ detector: 'probe-path', count: 1 }]);
    expect(new Set(await storm(host))).toEqual(new Set([403]));

    clock.wrongByMs += endMs + MINUTE_MS - clock.now();
    expect(new Set(await storm(host))).toEqual(new Set([403]));
    await host.app.get(RequestLogService).flush(10_000);
    const rows = await host.database.query<{ isLater: boolean; requests: number }>(
      `select "timestamp" >= $1 as "isLater", count(*)::integer as requests from ip_tracking.request_log
        where outcome = 'blocked' and ip_address = $2 group by 1 order by 1`,
      [new Date(endMs), ATTACKER],
    );
    expect(rows).toEqual([
      { isLater: false, requests: 120 },
      { isLater: true, requests: 120 },
    ]);

    const detection = host.app.get(DetectionService);
    // What ends now, then each hour of the clock when it is over.
    const { findings: sliding } = await detection.scan();
    expect(sliding.map(({ detector }) => detector)).toEqual(['probe-path']);
    expect((await detection.scanOnce())?.hours).toBe(1);
    clock.wrongByMs += HOUR_MS;
    const later = await detection.scanOnce();
    expect(later?.hours).toBeGreaterThanOrEqual(1);
    expect(later?.findings.filter(({ subject }) => subject === ATTACKER)).toEqual([]);
    await settled(host, '198.51.100.1');
    expect(await stateOf(host)).toEqual(before);
    expect(await statusOf(host)).toBe(403);
  });

  it('by a ban of another process is nothing for the watch of this one', async () => {
    const host = await started();
    const other = await started({}, new SetClock(), host.database);
    const told: string[] = [];
    for (const { app } of [host, other]) {
      app.get(IpTrackingEvents).on('ban', ({ network }) => told.push(network));
    }
    await statusOf(host, '/.env');
    await storedBan(host, ATTACKER);
    await eventually(async () => (await statusOf(other)) === 403, { what: 'the ban elsewhere' });
    const before = await stateOf(host);
    for (let time = 0; time < 3; time += 1) {
      expect(new Set(await storm(other))).toEqual(new Set([403]));
    }
    await settled(other, '198.51.100.1');
    await settled(host, '198.51.100.2');
    expect(await stateOf(host)).toEqual(before);
    expect(told).toEqual([`${ATTACKER}/32`]);

    // It is over: what was refused meanwhile is not there to be counted with, in either process.
    await host.database.query(
      `update ip_tracking.ip_rule set expires_at = now() where network = $1::inet::cidr`,
      [ATTACKER],
    );
    for (const process of [host, other]) {
      await eventually(async () => (await statusOf(process)) === 200, { what: 'the end' });
      await statusOf(process, '/nothing');
      await statusOf(process, '/login', 'POST');
    }
    await settled(host, '198.51.100.3');
    await settled(other, '198.51.100.4');
    expect((await findingsOf(host)).map(({ detector }) => detector)).toEqual(['probe-path']);
    expect(told).toHaveLength(1);
  });

  it('by a limit is nothing for anybody, and does not make it last', async () => {
    const host = await started({
      rules: { limitedPerMinute: 4 },
      detection: { response: 'limit' },
    });
    await statusOf(host, '/.env');
    const { action } = await storedBan(host, ATTACKER);
    expect(action).toBe('limit');
    // These pass, and are looked at.
    for (let time = 0; time < 4; time += 1) await statusOf(host);
    const before = await stateOf(host);
    const statuses = await storm(host, ['/']);
    // Where a minute ends meanwhile four more pass, and make nothing by themselves.
    expect(statuses.filter((status) => status !== 429).length).toBeLessThanOrEqual(4);
    await settled(host, '198.51.100.1');
    await host.app.get(RequestLogService).flush(10_000);
    await host.app.get(DetectionService).scan();
    const { findings, ...after } = await stateOf(host);
    expect(after).toEqual({ ...before, findings: undefined });
    expect(findings.map(({ detector }) => detector)).toEqual(['probe-path']);
  });
});
