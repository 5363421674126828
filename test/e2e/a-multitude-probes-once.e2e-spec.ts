import { Agent, request } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BanService, DetectionService, IpTrackingStatus } from '../../src/index.js';
import { WATCH_RECORDER } from '../../src/detection/detection.providers.js';
import { IpAddress } from '../../src/net/ip-address.js';
import type { LogRecord } from '../../src/request-log/record/request-record.js';
import { bitsOf } from '../../src/signals/signal.js';
import { startBanningHost } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';

/** A million take minutes: `CLIENTS=1000000` has them. */
const CLIENTS = Number(process.env.CLIENTS ?? 40_000);
const OVER_HTTP = 5_000;
const AT_ONCE = 1_000;
/** As many as one process may ban in an hour, whoever comes. */
const MOST_BANS = 1_000;
/** Findings that may wait for the database, and as many whose clients are remembered. */
const MOST_WAITING = 20_000;
const SLOW = '203.0.113.9';
const SLOW_PATHS = 12;

/** Each number has an address of its own, none of them special. */
const wordOf = (client: number): number => ((20 << 24) | client) >>> 0;
const addressOf = (client: number): string => IpAddress.fromV4(wordOf(client)).toString();

/** What the edge makes of a probe, once it has ended. */
function recordOf(client: number): LogRecord {
  return {
    id: '',
    timestampMs: Date.now(),
    ip: IpAddress.fromV4(wordOf(client)),
    ipSource: 'x-forwarded-for',
    method: 'GET',
    path: '/.env',
    route: null,
    status: 404,
    outcome: 'served',
    durationUs: 100,
    userAgent: 'curl/8',
    userId: null,
    sensitive: false,
    ruleId: null,
    reason: null,
    repeats: 0,
    signals: bitsOf(['probe:secrets', 'unmatched']),
    attemptedUser: null,
    country: null,
    city: null,
  };
}

function heapMiB(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

describe.each(ADAPTERS)('clients on %s, a multitude of whom probe once,', (adapter) => {
  it('cost no more than a few do, and hide nobody who goes on', async () => {
    const host = await startBanningHost(adapter, { stateDir: false });
    onTestFinished(() => host.close());
    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    onTestFinished(() => agent.destroy());
    const probe = (client: number) => sent(agent, host, addressOf(client));
    const slowly = (path: number) => host.send({ path: `/nothing-${path}`, from: SLOW });

    // Thousands by the whole way in: each has an answer, and so has everybody else.
    let slowPath = 0;
    const statuses = new Map<number, number>();
    for (let from = 0; from < OVER_HTTP; from += AT_ONCE) {
      const given = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => probe(from + at)));
      for (const status of given) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (slowPath < SLOW_PATHS / 2) await slowly(slowPath++);
    }
    expect([...statuses]).toEqual([[404, OVER_HTTP]]);
    const before = heapMiB();

    // The others as they are once they have ended, where the cost of a client is.
    const watch = host.app.get<{ ended(record: LogRecord): void }>(WATCH_RECORDER);
    const read = () => host.app.get(IpTrackingStatus).read().watch!;
    let mostWaiting = 0;
    const others = new Set<number>();
    for (let client = OVER_HTTP; client < CLIENTS; client += AT_ONCE) {
      for (let at = 0; at < AT_ONCE; at += 1) watch.ended(recordOf(client + at));
      mostWaiting = Math.max(mostWaiting, read().waiting);
      if (client % 10_000 === 0) {
        others.add((await host.send({ from: '198.51.100.1' })).status);
        if (slowPath < SLOW_PATHS) await slowly(slowPath++);
      }
      await turn();
    }
    const grownMiB = heapMiB() - before;
    for (; slowPath < SLOW_PATHS; slowPath += 1) await slowly(slowPath);

    expect([...others]).toEqual([200]);
    // Work, memory and bans have bounds that do not go by how many come.
    expect(mostWaiting).toBeLessThanOrEqual(MOST_WAITING + MOST_BANS);
    expect(read().bytes).toBeLessThanOrEqual(128 * 2 ** 20);
    expect(grownMiB).toBeLessThan(300);
    expect(host.app.get(BanService).list().length).toBeLessThanOrEqual(MOST_BANS);

    // Whoever goes on slowly is found among them.
    await eventually(
      async () => {
        await slowly(slowPath);
        slowPath += 1;
        const rows = await host.database.query(
          `select from ip_tracking.suspicious_ip where subject = $1 and detector = 'not-found'`,
          [SLOW],
        );
        return rows.length === 1;
      },
      { withinMs: 240_000, what: 'the slow one' },
    );
    expect((await host.send({ from: '198.51.100.1' })).status).toBe(200);
    await eventually(() => read().waiting < MOST_BANS, { withinMs: 240_000, what: 'the findings' });
    const [rows] = await host.database.query<Record<string, number>>(
      `select (select count(*) from ip_tracking.ip_rule)::integer as rules,
              (select count(*) from ip_tracking.ban_event where event = 'ban')::integer as bans,
              (select count(*) from ip_tracking.ban_event where event <> 'ban')::integer as notes,
              (select count(*) from ip_tracking.suspicious_ip)::integer as findings`,
    );
    const { rules, bans, notes, findings } = rows!;
    expect(rules).toBeLessThanOrEqual(MOST_BANS);
    expect(bans).toBe(rules);
    expect(bans).toBeGreaterThanOrEqual(20);
    // Two hundred entries an hour, one for all beyond, and what the database has refused of its own.
    expect(notes).toBeLessThanOrEqual(202 + MOST_BANS);
    expect(findings! + read().dropped).toBeGreaterThanOrEqual(CLIENTS - MOST_BANS);
    expect((await host.app.get(DetectionService).findings(10)).length).toBe(10);
  }, 900_000);
});

/** A probe of a client behind the trusted proxy, on a connection that is kept. */
function sent(agent: Agent, { url }: Host, from: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`${url}/.env`, { agent, headers: { 'x-forwarded-for': from } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}
